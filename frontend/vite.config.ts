import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { minify } from "terser";
import terser from "terser/package.json" with { type: "json" };
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

const entities = fileURLToPath(new URL("./src/worker/entities.ts", import.meta.url));

const theme = fileURLToPath(new URL("./src/theme.js", import.meta.url));

const atStart = new Set<string>();

/** Keeps what the start needs in one file, whatever else is fetched later needs it too. */
function wholeStart(): Plugin {
  return {
    name: "whole-start",
    apply: "build",
    buildEnd() {
      const follow = (id: string) => {
        if (atStart.has(id)) return;
        atStart.add(id);
        for (const imported of this.getModuleInfo(id)?.importedIds ?? []) follow(imported);
      };
      for (const id of this.getModuleIds()) if (this.getModuleInfo(id)?.isEntry) follow(id);
    },
  };
}

/** Writes `x.gz` beside every text file, so that no server compresses on each request. */
function compressed(): Plugin {
  let folder = "dist";
  return {
    name: "compressed",
    apply: "build",
    configResolved: (config) => {
      folder = config.build.outDir;
    },
    closeBundle: () => {
      for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
        if (!/\.(?:js|css|html|svg|webmanifest)$/.test(name)) continue;
        const path = join(folder, name);
        writeFileSync(`${path}.gz`, gzipSync(readFileSync(path), { level: 9 }));
      }
    },
  };
}

/** One stylesheet serves all chunks, so nothing has to be fetched before a chunk: an `import()` is what it says. */
function plainImports(): Plugin {
  return {
    name: "plain-imports",
    apply: "build",
    enforce: "pre",
    load: (id) =>
      id === "\0vite/preload-helper.js" ? "export const __vitePreload = (load) => load();" : null,
  };
}

/** Has the scripts minified a second time, by a minifier that finds what the first one leaves: 2 % of their weight. */
function tightened(): Plugin {
  return {
    name: "tightened",
    apply: "build",
    augmentChunkHash: () => `terser ${terser.version}`,
    generateBundle: async (_, bundle) => {
      for (const chunk of Object.values(bundle)) {
        if (chunk.type !== "chunk") continue;
        const { code } = await minify(chunk.code, { module: true, compress: { passes: 3 } });
        chunk.code = code ?? chunk.code;
      }
    },
  };
}

const earlyEnd = /\.early-end\s*\{[^}]*\}/;

/**
 * Puts what the header needs to be painted into the page: the looks up to the mark, and theme.js. The page's policy
 * lets them run by their hashes, which whoever serves the page reads from its last line.
 */
function early(): Plugin {
  return {
    name: "early",
    apply: "build",
    enforce: "post",
    generateBundle: async (_, bundle) => {
      const page = bundle["index.html"];
      const looks = Object.values(bundle).find(({ fileName }) => /\/style-.*\.css$/.test(fileName));
      if (page?.type !== "asset" || looks?.type !== "asset")
        throw new Error("no page, or no looks");
      const [style, rest] = String(looks.source).split(earlyEnd);
      const { code: script } = await minify(readFileSync(theme, "utf8"));
      if (!style || !rest || !script) throw new Error("the mark in early.css is gone");
      looks.source = rest;
      const [link] = /<link rel="stylesheet"[^>]*>/.exec(String(page.source)) ?? [""];
      page.source = String(page.source)
        .replace(`    ${link}\n`, "")
        .replace(
          /<script[^>]*theme\.js"[^>]*><\/script>/,
          () => `<style>${style}</style><script>${script}</script>`,
        )
        .replace("<noscript>", () => `${link}\n    <noscript>`)
        .replace("</html>", `</html>\n<!-- style ${hashOf(style)} script ${hashOf(script)} -->`);
    },
  };
}

function hashOf(text: string): string {
  return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
}

export default defineConfig({
  plugins: [plainImports(), wholeStart(), tightened(), early(), compressed()],
  // micromark's own table of 2,125 entity names is a third of its weight: ours loads on demand.
  resolve: { alias: { "decode-named-character-reference": entities } },
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    cssCodeSplit: false,
    modulePreload: false,
    rolldownOptions: {
      output: { codeSplitting: { groups: [{ name: "start", test: (id) => atStart.has(id) }] } },
    },
  },
  worker: { format: "es", plugins: () => [tightened()] },
  server: { proxy: { "/api": "http://localhost:8080" } },
  test: { include: ["test/**/*.test.ts"], server: { deps: { inline: [/micromark/] } } },
});
