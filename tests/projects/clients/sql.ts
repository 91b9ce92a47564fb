// Uses the types that openapi-typescript made. It is compiled, not run.
import type { components, operations } from "./client";

type Problem = components["schemas"]["Problem"];
type Change = operations["items_change_item"];
type Patch = Change["requestBody"]["content"]["application/merge-patch+json"];
type Changed = Change["responses"][200]["content"]["application/json"];
type Failed = Change["responses"][412]["content"]["application/problem+json"];
type Page = operations["items_list_items"]["responses"][200]["content"]["application/json"];

const patch: Patch = { description: "a poet" };
const header: Change["parameters"]["header"] = { "If-Match": '"a"' };
const read = (changed: Changed): string => changed.name;
const next = (page: Page): string | null => page.next_cursor;
const failed = (problem: Failed): Problem => problem;
export { failed, header, next, patch, read };
