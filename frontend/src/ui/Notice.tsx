import type { ComponentChildren } from "preact";
import { Icon, type IconName } from "./Icon";

type Props = {
  icon: IconName;
  tone?: "plain" | "bad";
  title?: string;
  children?: ComponentChildren;
  actions?: ComponentChildren;
};

/** A sentence that needs attention, with what can be done about it. */
export function Notice({ icon, tone = "plain", title, children, actions }: Props) {
  return (
    <div class="notice" data-tone={tone}>
      <Icon name={icon} />
      <div class="notice-text">
        {title && <strong>{title}</strong>}
        {children && <p>{children}</p>}
      </div>
      {actions && <div class="notice-actions">{actions}</div>}
    </div>
  );
}
