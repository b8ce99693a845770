/** The door to confd's 39 template functions. */
import { base64Functions } from "./base64.ts";
import type { Functions } from "./declare.ts";
import { jsonFunctions } from "./json.ts";
import { listFunctions } from "./lists.ts";
import { numberFunctions } from "./numbers.ts";
import { type AskedStore, storeFunctions } from "./store.ts";
import { textFunctions } from "./text.ts";
import { type World, worldFunctions } from "./world.ts";

export type { AskedStore } from "./store.ts";
export type { Service, World } from "./world.ts";

/** All functions, asking whatever `store` returns at the time of each call. */
export function confdFunctions(store: () => AskedStore, world: World): Functions {
  return {
    ...textFunctions,
    ...numberFunctions,
    ...listFunctions,
    ...jsonFunctions,
    ...base64Functions,
    ...worldFunctions(world, () => store().reads.world()),
    ...storeFunctions(store),
  };
}
