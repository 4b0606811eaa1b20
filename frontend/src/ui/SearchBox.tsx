import { useEffect, useRef } from "preact/hooks";
import { Icon } from "./Icon";

type Props = { value: string; onSearch: (q: string, isTyping: boolean) => void };

const pauseMs = 180;

/** Searches while somebody types; Enter searches at once and Escape clears. */
export function SearchBox({ value, onSearch }: Props) {
  const input = useRef<HTMLInputElement>(null);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const asked = useRef(value);
  useEffect(() => {
    if (input.current && value !== asked.current) input.current.value = value;
    asked.current = value;
  }, [value]);
  const search = (isTyping: boolean) => {
    clearTimeout(timer.current);
    const q = input.current?.value.trim() ?? "";
    if (q === asked.current) return;
    asked.current = q;
    onSearch(q, isTyping);
  };
  const clear = () => {
    if (input.current) input.current.value = "";
    search(false);
    input.current?.focus();
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: a form submits with Enter, also from a phone
    <form
      class="search"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        search(false);
      }}
    >
      <Icon name="search" />
      <input
        ref={input}
        type="search"
        name="q"
        aria-label="Search notes"
        placeholder="Search notes"
        maxLength={200}
        autocomplete="off"
        enterkeyhint="search"
        defaultValue={value}
        onInput={() => {
          clearTimeout(timer.current);
          timer.current = setTimeout(() => search(true), pauseMs);
        }}
        onKeyDown={(event) => event.key === "Escape" && clear()}
      />
      {value && (
        <button type="button" class="icon-button" aria-label="Clear the search" onClick={clear}>
          <Icon name="close" />
        </button>
      )}
    </form>
  );
}
