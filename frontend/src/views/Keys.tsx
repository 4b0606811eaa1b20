/** How the keys that publish and save are called on this machine. */
export const shortcut = /Mac|iPhone|iPad/.test(navigator.userAgent) ? "⌘ ↵" : "Ctrl ↵";

/** The keys, for the eye; `aria-keyshortcuts` says them to a screen reader. */
export function Keys() {
  return (
    <span class="keys" aria-hidden="true">
      {shortcut}
    </span>
  );
}
