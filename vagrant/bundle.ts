/**
 * Makes one piece of each command that people wait for: `deisctl` and `deis-confd`, with all that they import. Loaded as the hundreds
 * of files that they consist of, they spend more time on finding and opening those than on their work.
 *
 *     node --import tsx vagrant/bundle.ts [DIRECTORY]    the compiled tree that it goes into; default: dist
 *
 * Daemons stay as they are compiled: they start once. What only some commands need stays in files of its own, loaded when asked for.
 */
import { copyFile, mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";

const directory = process.argv[2] ?? "dist";

await build({
  entryPoints: ["deisctl/main.ts", "renderer/main.ts"],
  outbase: ".",
  outdir: directory,
  chunkNames: "bundle/[name]-[hash]",
  bundle: true,
  splitting: true,
  platform: "node",
  format: "esm",
  target: "node20.19",
  logLevel: "warning",
  // Packages in CommonJS ask for Node's own modules, and for where they are, by names that ES modules do not have.
  banner: {
    js: 'import { createRequire } from "node:module";\nconst require = createRequire(import.meta.url);',
  },
  define: { __dirname: "import.meta.dirname" },
});

// The client of etcd reads the definitions of its protocol from files, which it looks for beside the directory of its code.
const definitions = join(directory, "proto");
await mkdir(definitions, { recursive: true });
for (const name of await readdir("node_modules/etcd3/proto")) {
  await copyFile(join("node_modules/etcd3/proto", name), join(definitions, name));
}
