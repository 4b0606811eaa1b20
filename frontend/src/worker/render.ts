/** Markdown to HTML: CommonMark with GitHub's tables, task lists, strikethrough and bare links. */
import { micromark } from "micromark";
import {
  gfmAutolinkLiteral,
  gfmAutolinkLiteralHtml,
} from "micromark-extension-gfm-autolink-literal";
import { gfmStrikethrough, gfmStrikethroughHtml } from "micromark-extension-gfm-strikethrough";
import { gfmTable, gfmTableHtml } from "micromark-extension-gfm-table";
import { gfmTaskListItem, gfmTaskListItemHtml } from "micromark-extension-gfm-task-list-item";
import { splitBlocks } from "./blocks";
import { loadEntitiesFor } from "./entities";

// The compiler's defaults stay: raw HTML is escaped and unknown protocols are blanked.
const extensions = [gfmAutolinkLiteral(), gfmStrikethrough(), gfmTable(), gfmTaskListItem()];
const htmlExtensions = [
  gfmAutolinkLiteralHtml(),
  gfmStrikethroughHtml(),
  gfmTableHtml(),
  gfmTaskListItemHtml(),
];

export async function renderBlocks(text: string): Promise<string[]> {
  await loadEntitiesFor(text);
  return splitBlocks(micromark(text, { extensions, htmlExtensions }));
}
