/** Markdown on the page: compiled by the worker, built here into elements that are safe to show. */
import type { Note } from "./api/client";
import { knownPicture, rememberPictures } from "./state/pictures";
import type { RenderAnswer, RenderRequest } from "./worker/main";

type Blocks = string[];

let worker: Worker | null = null;
let lastId = 0;
const asked = new Map<number, { text: string; resolve: (blocks: Blocks) => void }>();

function escapeHtml(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;");
}

/** Without a worker a note is still readable, as it was typed. */
const asTyped = (text: string): Blocks => [`<pre><code>${escapeHtml(text)}</code></pre>`];

function startWorker(): Worker {
  const started = new Worker(new URL("./worker/main.ts", import.meta.url), { type: "module" });
  started.addEventListener("message", ({ data }: MessageEvent<RenderAnswer>) => {
    const question = asked.get(data.id);
    asked.delete(data.id);
    question?.resolve(data.blocks ?? asTyped(question.text));
  });
  started.addEventListener("error", () => {
    worker = null;
    for (const { text, resolve } of asked.values()) resolve(asTyped(text));
    asked.clear();
  });
  return started;
}

/** The outermost blocks of a text, as HTML. */
export function renderBlocks(text: string): Promise<Blocks> {
  worker ??= startWorker();
  lastId += 1;
  const request: RenderRequest = { id: lastId, text };
  return new Promise((resolve) => {
    asked.set(request.id, { text, resolve });
    worker?.postMessage(request);
  });
}

const prepared = new WeakMap<Note, Blocks>();

/** Compiles a note before it is shown, so that it enters the page at its full height. */
export async function prepareNote(note: Note): Promise<void> {
  rememberPictures(note.pictures);
  if (!prepared.has(note)) prepared.set(note, await renderBlocks(note.content));
}

export function preparedBlocks(note: Note): Blocks {
  return prepared.get(note) ?? [];
}

/** What there is to read in a note. */
export function wordsOf(note: Note): string {
  const template = document.createElement("template");
  template.innerHTML = preparedBlocks(note).join("\n");
  return `${template.content.textContent}\n`;
}

/** Elements for one block. */
export function buildBlock(html: string): DocumentFragment {
  const template = document.createElement("template");
  template.innerHTML = html;
  const { content } = template;
  for (const image of content.querySelectorAll("img")) adoptImage(image);
  for (const link of content.querySelectorAll("a")) adoptLink(link);
  for (const box of content.querySelectorAll("input")) {
    box.setAttribute("aria-label", box.checked ? "Done" : "To do");
    box.closest("li")?.classList.add("task");
  }
  for (const table of content.querySelectorAll("table")) {
    const frame = document.createElement("div");
    frame.className = "scroller";
    frame.dataset.name = "Table";
    table.replaceWith(frame);
    frame.append(table);
  }
  for (const code of content.querySelectorAll("pre")) {
    code.classList.add("scroller");
    code.dataset.name = "Code";
  }
  for (const paragraph of content.querySelectorAll("p")) markGallery(paragraph);
  return content;
}

/** Headings of a note rank below the page's own, and none skips a level; their looks stay. */
export function rankHeadings(root: ParentNode, above: number): void {
  let previous = above;
  for (const heading of root.querySelectorAll("h1, h2, h3, h4, h5, h6")) {
    previous = Math.min(Number(heading.tagName.slice(1)) + above, previous + 1, 6);
    heading.setAttribute("aria-level", String(previous));
  }
}

const ourPicture = /^\/api\/v1\/pictures\/([0-9a-f]{64})$/;
const widths = [320, 640, 960, 1280, 1920];

function pictureId(src: string): string | undefined {
  try {
    const url = new URL(src, location.origin);
    return url.origin === location.origin ? ourPicture.exec(url.pathname)?.[1] : undefined;
  } catch {
    return undefined;
  }
}

function adoptImage(image: HTMLImageElement): void {
  const src = image.getAttribute("src") ?? "";
  const id = pictureId(src);
  if (!id) {
    image.replaceWith(linkInstead(image, src));
    return;
  }
  const known = knownPicture(id);
  const url = known?.url ?? `/api/v1/pictures/${id}`;
  image.dataset.picture = id;
  image.alt = image.alt.trim() || "Picture without a description";
  image.loading = "lazy";
  image.decoding = "async";
  if (known) {
    image.width = known.width;
    image.height = known.height;
    image.style.setProperty("--ratio", String(known.width / known.height));
    image.style.setProperty("--natural", `${known.width}px`);
    const smaller = widths.filter((width) => width < known.width);
    if (smaller.length > 0) {
      const variants = smaller.map(
        (width) => `${url}${url.includes("?") ? "&" : "?"}width=${width} ${width}w`,
      );
      image.srcset = [...variants, `${url} ${known.width}w`].join(", ");
      image.sizes = "(min-width: 48rem) 42rem, 92vw";
    }
  }
  image.src = url;
}

/** A picture from elsewhere would tell that place who reads the note: it becomes a link. */
function linkInstead(image: HTMLImageElement, src: string): Node {
  const label = image.alt.trim() || src || "Picture";
  if (!src || image.closest("a")) return document.createTextNode(label);
  const link = document.createElement("a");
  link.href = src;
  link.className = "picture-link";
  link.textContent = label;
  return link;
}

function adoptLink(link: HTMLAnchorElement): void {
  const href = link.getAttribute("href") ?? "";
  let url: URL | null = null;
  try {
    url = href ? new URL(href, location.href) : null;
  } catch {
    // An address nobody can read is no address.
  }
  if (!url) link.removeAttribute("href");
  else if (url.origin !== location.origin) {
    link.rel = "noopener noreferrer nofollow";
    link.target = "_blank";
  }
}

function markGallery(paragraph: HTMLParagraphElement): void {
  const parts = [...paragraph.childNodes].filter(
    (node) => !(node instanceof HTMLBRElement) && (node.textContent?.trim() || node.nodeType === 1),
  );
  const arePictures = parts.every((node) => node instanceof HTMLImageElement);
  if (!arePictures || parts.length === 0) return;
  paragraph.classList.add(parts.length > 1 ? "gallery" : "picture");
}

/** Long lines of code and wide tables can be scrolled by keyboard, but only where there is more to see. */
const scrollers = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const overflows = target.scrollWidth > target.clientWidth + 1;
    if (overflows) {
      target.setAttribute("tabindex", "0");
      target.setAttribute("role", "group");
      target.setAttribute("aria-label", (target as HTMLElement).dataset.name ?? "");
    } else {
      target.removeAttribute("tabindex");
      target.removeAttribute("role");
      target.removeAttribute("aria-label");
    }
  }
});

export function watchScrollers(root: ParentNode): void {
  for (const scroller of root.querySelectorAll(".scroller")) scrollers.observe(scroller);
}
