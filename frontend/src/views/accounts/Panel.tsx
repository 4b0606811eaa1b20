import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

type Props = {
  title: string;
  intro?: ComponentChildren;
  tone?: "plain" | "danger";
  children: ComponentChildren;
};

/** One subject of a screen, on a card of its own. */
export function Panel({ title, intro, tone = "plain", children }: Props) {
  const id = useId();
  return (
    <section class="panel card" data-tone={tone} aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      {intro && <p class="panel-intro">{intro}</p>}
      {children}
    </section>
  );
}
