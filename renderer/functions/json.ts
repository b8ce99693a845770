/** json and jsonArray: an object as a map, a list as a slice, decoded as Go's `encoding/json` does into `interface {}`. Pure. */
import { mapOf, sliceOf, types } from "../gotmpl/index.ts";
import { type Functions, ofStrings } from "./declare.ts";
import { decodeJson } from "./go-json.ts";

const object = mapOf(types.string, types.any);
const list = sliceOf(types.any);

export const jsonFunctions: Functions = {
  json: ofStrings(1, object, (text = "") => decodeJson(text, object)),
  jsonArray: ofStrings(1, list, (text = "") => decodeJson(text, list)),
};
