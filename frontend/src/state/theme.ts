/** Light or dark: the system's choice until somebody makes their own. */
import { computed, signal } from "@preact/signals";
import { lasting } from "./storage";

type Theme = "light" | "dark";

const storageKey = "knote.theme";
const systemIsDark = matchMedia("(prefers-color-scheme: dark)");
const system = signal<Theme>(systemIsDark.matches ? "dark" : "light");
const chosen = signal<Theme | null>(readChoice());

export const theme = computed(() => chosen.value ?? system.value);

function readChoice(): Theme | null {
  const value = lasting.getItem(storageKey);
  return value === "light" || value === "dark" ? value : null;
}

export function toggleTheme(): void {
  const next = theme.value === "dark" ? "light" : "dark";
  chosen.value = next === system.value ? null : next;
  if (chosen.value) lasting.setItem(storageKey, chosen.value);
  else lasting.removeItem(storageKey);
  showChoice();
}

function showChoice(): void {
  if (chosen.value) document.documentElement.dataset.theme = chosen.value;
  else delete document.documentElement.dataset.theme;
}

export function watchTheme(): void {
  systemIsDark.addEventListener("change", ({ matches }) => {
    system.value = matches ? "dark" : "light";
  });
  addEventListener("storage", ({ key }) => {
    if (key !== storageKey) return;
    chosen.value = readChoice();
    showChoice();
  });
}
