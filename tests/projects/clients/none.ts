// Uses the types that openapi-typescript made. It is compiled, not run.
import type { components, operations } from "./client";

type Problem = components["schemas"]["Problem"];
type Create = operations["greetings_create_greeting"];
type Body = Create["requestBody"]["content"]["application/json"];
type Created = Create["responses"][201]["content"]["application/json"];
type Invalid = Create["responses"][422]["content"]["application/problem+json"];

const body: Body = { name: "Ada" };
const read = (created: Created): string => created.message;
const place = (problem: Invalid): string | undefined => problem.errors?.[0]?.pointer;
const status = (problem: Problem): number => problem.status;
export { body, place, read, status };
