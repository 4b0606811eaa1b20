/** Two places: the notebook, with a search in `?q=`, and one note at `/notes/<id>`. */
import { signal } from "@preact/signals";

export type Route = { kind: "notebook"; q: string } | { kind: "note"; id: string };

function parse({ pathname, search }: { pathname: string; search: string }): Route {
  const id = /^\/notes\/([^/]+)\/?$/.exec(pathname)?.[1];
  if (id) return { kind: "note", id: decode(id) };
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
  for (const card of document.querySelectorAll(".notes > li")) {
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
  if (before.kind === next.kind) {
    route.value = next;
    return;
  }
  if (next.kind === "note") rememberPlace();
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
  if (event.defaultPrevented || event.button !== 0) return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = event.target instanceof Element ? event.target.closest("a") : null;
  if (!link?.href || link.target || link.hasAttribute("download")) return;
  const url = new URL(link.href);
  const isOurs = url.pathname === "/" || /^\/notes\/[^/]+\/?$/.test(url.pathname);
  if (url.origin !== location.origin || !isOurs || url.hash) return;
  event.preventDefault();
  go(url.pathname + url.search);
}

export function watchRoute(): void {
  history.scrollRestoration = "manual";
  addEventListener("popstate", () => show(parse(location)));
  document.addEventListener("click", followLink);
}
