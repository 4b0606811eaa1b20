import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

const entities = fileURLToPath(new URL("./src/worker/entities.ts", import.meta.url));

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

export default defineConfig({
  plugins: [compressed()],
  // micromark's own table of 2,125 entity names is a third of its weight: ours loads on demand.
  resolve: { alias: { "decode-named-character-reference": entities } },
  build: { target: "es2022", assetsInlineLimit: 0, modulePreload: false },
  worker: { format: "es" },
  server: { proxy: { "/api": "http://localhost:8080" } },
  test: { include: ["test/**/*.test.ts"], server: { deps: { inline: [/micromark/] } } },
});
