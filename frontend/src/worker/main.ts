/** The worker: Markdown is compiled here, so that a long note never holds up a key press. */
import { renderBlocks } from "./render";

export type RenderRequest = { id: number; text: string };
export type RenderAnswer = { id: number; blocks: string[] | null };

addEventListener("message", ({ data }: MessageEvent<RenderRequest>) => {
  void renderBlocks(data.text)
    .catch(() => null)
    .then((blocks) => postMessage({ id: data.id, blocks } satisfies RenderAnswer));
});
