/** json and jsonArray: an object as a map, a list as a slice, decoded as Go's `encoding/json` does into `interface {}`. Pure. */
import { anyMap, anySlice } from "../gotmpl/index.ts";
import { type Functions, ofStrings } from "./declare.ts";
import { decodeJson } from "./go-json.ts";

export const jsonFunctions: Functions = {
  json: ofStrings(1, anyMap, (text = "") => decodeJson(text, anyMap)),
  jsonArray: ofStrings(1, anySlice, (text = "") => decodeJson(text, anySlice)),
};
