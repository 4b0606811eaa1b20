/** Which elements are near the window: what is farther away need not be built. */
import { signal } from "@preact/signals";

/** In windows. Browsers lay out what is one and a half away: what is built one by one is ready by then. */
const reach = 3;
const inSight = 1;

type Tell = (isNear: boolean) => void;
const asked = new WeakMap<Element, Tell>();
const near = new WeakSet<Element>();

const observer = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting, boundingClientRect } of entries) {
      // Without a size it is hidden, and will be found as it was left.
      if (boundingClientRect.width === 0) continue;
      near[isIntersecting ? "add" : "delete"](target);
      const tell = () => asked.get(target)?.(near.has(target));
      // A task each, so that none is long.
      if (isIntersecting && !isWithin(inSight, boundingClientRect)) setTimeout(tell);
      else tell();
    }
  },
  { rootMargin: `${reach * 100}% 0px` },
);

function isWithin(windows: number, { top, bottom }: DOMRectReadOnly): boolean {
  return bottom > -windows * innerHeight && top < (1 + windows) * innerHeight;
}

/** Says whether an element is near, at once where it can be seen; until the function this gives back is called. */
export function watchNearness(element: Element, tell: Tell): () => void {
  if (isWithin(inSight, element.getBoundingClientRect())) tell(true);
  asked.set(element, tell);
  observer.observe(element);
  return () => observer.unobserve(element);
}

/** True while the page goes to paper, where everything is near. */
export const isPrinting = signal(false);
addEventListener("beforeprint", () => {
  isPrinting.value = true;
});
addEventListener("afterprint", () => {
  isPrinting.value = false;
});
