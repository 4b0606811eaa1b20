/** The calls of the API, one function each; every failure becomes a `Problem`. */
import { signal } from "@preact/signals";
import type { components } from "./schema";

export type Note = components["schemas"]["Note"];
export type Picture = components["schemas"]["Picture"];
export type NotePage = components["schemas"]["Page_Note_"];
export type Session = components["schemas"]["CurrentSession"];
export type SignedIn = components["schemas"]["User"];

const base = "/api/v1";

/** Counts the answers that asked for a sign-in first. */
export const signInsAsked = signal(0);

type ProblemBody = { type?: string; title?: string; detail?: string; current?: Note };

/** What the API said no with. `status` is 0 when no answer came at all. */
export class Problem extends Error {
  readonly status: number;
  readonly slug: string;
  readonly current: Note | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(status: number, body: ProblemBody, retryAfter: string | null = null) {
    super(body.detail ?? body.title ?? sentenceFor(status));
    this.status = status;
    this.slug = (body.type ?? "").replace("urn:knote:problem:", "");
    this.current = body.current;
    const seconds = Number.parseInt(retryAfter ?? "", 10);
    this.retryAfterSeconds = Number.isFinite(seconds) ? seconds : undefined;
  }

  get asksSignIn(): boolean {
    return this.slug === "sign-in-required";
  }

  /** Nobody knows whether the server did it: asking again with the same key is the only safe way on. */
  get isUncertain(): boolean {
    return this.status === 0 || this.status >= 500;
  }
}

function sentenceFor(status: number): string {
  if (status === 0) return "Knote cannot be reached right now.";
  if (status === 413) return "This is larger than Knote accepts.";
  return `Knote answered with status ${status}.`;
}

export function parseProblem(status: number, text: string, retryAfter: string | null): Problem {
  let body: ProblemBody = {};
  try {
    const parsed: unknown = JSON.parse(text);
    if (parsed && typeof parsed === "object") body = parsed;
  } catch {
    // A proxy's own error page is not JSON: the status alone has to do.
  }
  const problem = new Problem(status, body, retryAfter);
  if (problem.asksSignIn) signInsAsked.value += 1;
  return problem;
}

export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}

export async function send(path: string, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(base + path, init);
  } catch (error) {
    if (isAbort(error)) throw error;
    throw new Problem(0, {});
  }
  if (!response.ok) {
    const text = await response.text().catch(() => "");
    throw parseProblem(response.status, text, response.headers.get("Retry-After"));
  }
  return response;
}

export async function call<T>(path: string, init: RequestInit): Promise<T> {
  const response = await send(path, init);
  try {
    return (await response.json()) as T;
  } catch (error) {
    if (isAbort(error)) throw error;
    throw new Problem(0, {});
  }
}

export function write(method: string, headers: HeadersInit, body?: object, signal?: AbortSignal) {
  const init: RequestInit = { method, headers: { "Content-Type": "application/json", ...headers } };
  if (body) init.body = JSON.stringify(body);
  if (signal) init.signal = signal;
  return init;
}

const noteAt = (id: string) => `/notes/${encodeURIComponent(id)}`;
const matching = (version: number) => ({ "If-Match": `"${version}"` });

export function listNotes(
  { q, cursor, limit }: { q: string; cursor?: string | null; limit: number },
  signal: AbortSignal,
): Promise<NotePage> {
  const query = new URLSearchParams({ limit: String(limit) });
  if (q) query.set("q", q);
  if (cursor) query.set("cursor", cursor);
  return call(`/notes?${query}`, { signal, cache: "no-store" });
}

export function readNote(id: string, signal: AbortSignal): Promise<Note> {
  return call(noteAt(id), { signal });
}

export function createNote(content: string, key: string, signal: AbortSignal): Promise<Note> {
  return call("/notes", write("POST", { "Idempotency-Key": key }, { content }, signal));
}

export function replaceNote(
  note: { id: string; version: number },
  content: string,
  signal: AbortSignal,
): Promise<Note> {
  return call(noteAt(note.id), write("PUT", matching(note.version), { content }, signal));
}

export async function deleteNote(note: Note, signal: AbortSignal): Promise<void> {
  await send(noteAt(note.id), { method: "DELETE", headers: matching(note.version), signal });
}

export function restoreNote(id: string, signal: AbortSignal): Promise<Note> {
  return call(`${noteAt(id)}/restore`, { method: "POST", signal });
}

/** Who is signed in, and how one can be: everybody may ask. */
export function readSession(signal: AbortSignal): Promise<Session> {
  return call("/session", { signal, cache: "no-store" });
}

/** The status of a picture's own address, or 0 when nothing answers. */
export async function probePicture(id: string, signal: AbortSignal): Promise<number> {
  try {
    const init: RequestInit = { method: "HEAD", signal, cache: "no-store" };
    return (await fetch(`${base}/pictures/${id}`, init)).status;
  } catch (error) {
    if (isAbort(error)) throw error;
    return 0;
  }
}
