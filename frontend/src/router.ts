/**
 * The places: the notebook, with a search in `?q=`, one note at `/notes/<id>`, a note that somebody shared at
 * `/shared/<id>#<secret>`, and the screens around accounts.
 */
import { signal } from "@preact/signals";

const screens = ["account", "tokens", "users"] as const;
/** Ways in, for who is not signed in. */
const doors = ["sign-in", "setup", "invite", "sign-up"] as const;
export type ScreenName = (typeof screens)[number];
export type DoorName = (typeof doors)[number];
export type Route =
  | { kind: "notebook"; q: string }
  | { kind: "note" | "shared"; id: string }
  | { kind: "screen"; name: ScreenName }
  | { kind: "door"; name: DoorName };

function parse({ pathname, search }: { pathname: string; search: string }): Route {
  const [, kind, id] = /^\/(notes|shared)\/([^/]+)\/?$/.exec(pathname) ?? [];
  if (id) return { kind: kind === "shared" ? kind : "note", id: decode(id) };
  const isHere = (name: string) => pathname === `/${name}`;
  const screen = screens.find(isHere);
  if (screen) return { kind: "screen", name: screen };
  const door = doors.find(isHere);
  if (door) return { kind: "door", name: door };
  return { kind: "notebook", q: new URLSearchParams(search).get("q") ?? "" };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export const route = signal<Route>(parse(location));

/** What stood where when the notebook was left: heights out of sight are guesses, so a number will not do. */
let place: { card: Element; top: number } | null = null;

function rememberPlace(): void {
  place = null;
  if (scrollY === 0) return;
  for (const card of document.querySelectorAll(".notes article")) {
    const { top, bottom } = card.getBoundingClientRect();
    if (bottom < 0) continue;
    place = { card, top };
    return;
  }
}

const settleMs = 600;

/** Until the heights around the place are true ones, or somebody scrolls on. */
function returnToPlace(): void {
  const until = performance.now() + settleMs;
  const hold = new AbortController();
  for (const name of ["wheel", "touchstart", "pointerdown", "keydown"]) {
    addEventListener(name, () => hold.abort(), { signal: hold.signal, passive: true });
  }
  const settle = () => {
    if (hold.signal.aborted || !place?.card.isConnected) return;
    scrollBy(0, place.card.getBoundingClientRect().top - place.top);
    if (performance.now() < until) requestAnimationFrame(settle);
    else hold.abort();
  };
  settle();
}

function show(next: Route): void {
  const before = route.value;
  if (before.kind === next.kind && before.kind !== "screen") {
    route.value = next;
    return;
  }
  if (before.kind === "notebook") rememberPlace();
  route.value = next;
  requestAnimationFrame(() => {
    scrollTo(0, 0);
    if (next.kind === "notebook") returnToPlace();
  });
}

export function notePath(id: string): string {
  return `/notes/${encodeURIComponent(id)}`;
}

export function searchPath(q: string): string {
  return q ? `/?${new URLSearchParams({ q })}` : "/";
}

export function go(path: string, { replace = false } = {}): void {
  history[replace ? "replaceState" : "pushState"](null, "", path);
  show(parse(new URL(path, location.origin)));
}

/** Links inside the page change the view; everything else about links stays as the browser does it. */
function followLink(event: MouseEvent): void {
  if (event.defaultPrevented || event.button !== 0 || route.value.kind === "shared") return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = event.target instanceof Element ? event.target.closest("a") : null;
  if (!link?.href || link.target || link.hasAttribute("download")) return;
  const url = new URL(link.href);
  const { kind } = parse(url);
  const isOurs = url.pathname === "/" || (kind !== "notebook" && kind !== "shared");
  if (url.origin !== location.origin || !isOurs || url.hash) return;
  event.preventDefault();
  go(url.pathname + url.search);
}

export function watchRoute(): void {
  history.scrollRestoration = "manual";
  addEventListener("popstate", () => show(parse(location)));
  document.addEventListener("click", followLink);
}
