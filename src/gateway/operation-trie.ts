/**
 * Finds the operation of one service from method, path and query: a trie over path segments, made once from the
 * model's HTTP bindings. Literals go before labels, labels before greedy labels, with backtracking; operations on one
 * path are told apart by literal query keys (`?find=LayerVersion`), then by required query and header members.
 *
 * Labels stay percent-encoded as received. A trailing slash is accepted, except inside a greedy label, which keeps it.
 */
import { invariant } from "../base/invariant.ts";
import type { Member, Operation, ServiceModel } from "../wire/model.ts";
import type { Labels } from "../wire/protocol.ts";
import { queryValue } from "../wire/query-string.ts";
import type { RequestHead } from "../wire/sigv4-canonical.ts";

export interface Routed {
  readonly operation: Operation;
  readonly labels: Labels;
}

export interface OperationTrie {
  /** `path` begins with "/". Undefined: the service has no such operation. */
  find(head: RequestHead, path: string): Routed | undefined;
}

export function createOperationTrie(model: ServiceModel): OperationTrie {
  const roots = new Map<string, Node>();
  for (const operation of model.operations.values()) {
    if (operation.http) insert(rootOf(roots, operation.http.method), operation);
  }
  for (const root of roots.values()) sortLeaves(root);

  return {
    find(head, path) {
      const root = roots.get(head.method);
      if (!root) return undefined;
      const values: string[] = [];
      const leaf = walk(root, path, 1, values);
      const candidate = leaf && choose(leaf, head);
      return candidate && { operation: candidate.operation, labels: labelled(candidate.labelNames, values) };
    },
  };
}

interface Node {
  readonly literals: Map<string, Node>;
  label: Node | undefined;
  /** Always the last segment. */
  greedy: Leaf | undefined;
  leaf: Leaf | undefined;
}

/** Operations on one path, the most specific first. */
type Leaf = Candidate[];

interface Candidate {
  readonly operation: Operation;
  readonly labelNames: readonly string[];
  /** Keys that the query must have; with a value unless it is "". */
  readonly literals: readonly (readonly [key: string, value: string])[];
  /** `x-id`, which only some SDKs send: must agree where it is there. */
  readonly hint: string | undefined;
  readonly requiredQuery: readonly string[];
  readonly requiredHeaders: readonly string[];
}

function walk(node: Node, path: string, at: number, values: string[]): Leaf | undefined {
  if (at >= path.length) return node.leaf;
  const slash = path.indexOf("/", at);
  const end = slash === -1 ? path.length : slash;
  const segment = path.slice(at, end);
  const depth = values.length;

  const literal = node.literals.get(segment);
  const byLiteral = literal && walk(literal, path, end + 1, values);
  if (byLiteral) return byLiteral;
  values.length = depth;

  if (node.label && segment !== "") {
    values.push(segment);
    const byLabel = walk(node.label, path, end + 1, values);
    if (byLabel) return byLabel;
    values.length = depth;
  }
  if (node.greedy) values.push(path.slice(at));
  return node.greedy;
}

function choose(leaf: Leaf, head: RequestHead): Candidate | undefined {
  const only = leaf[0];
  if (leaf.length === 1 && only && only.literals.length === 0 && only.hint === undefined) return only;
  const hint = head.query === "" ? undefined : queryValue(head.query, "x-id");
  let loose: Candidate | undefined;
  for (const candidate of leaf) {
    if (hint !== undefined && candidate.hint !== undefined && hint !== candidate.hint) continue;
    if (!candidate.literals.every((literal) => hasLiteral(head.query, literal))) continue;
    if (hasRequired(candidate, head)) return candidate;
    // The least demanding one gets it when nobody's demands are met: validation will say what is missing.
    loose = candidate;
  }
  return loose;
}

function hasLiteral(query: string, [key, value]: readonly [string, string]): boolean {
  const given = query === "" ? undefined : queryValue(query, key);
  return given !== undefined && (value === "" || given === value);
}

function hasRequired(candidate: Candidate, head: RequestHead): boolean {
  return (
    candidate.requiredQuery.every((name) => queryValue(head.query, name) !== undefined) &&
    candidate.requiredHeaders.every((name) => head.headers[name] !== undefined)
  );
}

function labelled(names: readonly string[], values: readonly string[]): Labels {
  const labels: Record<string, string> = {};
  for (let at = 0; at < names.length; at += 1) labels[names[at] ?? ""] = values[at] ?? "";
  return labels;
}

function insert(root: Node, operation: Operation): void {
  const uri = uriWithAllLabels(operation);
  const question = uri.indexOf("?");
  const path = question === -1 ? uri : uri.slice(0, question);
  const labelNames: string[] = [];
  let node = root;
  let isGreedy = false;
  for (const segment of path.split("/").filter((part) => part !== "")) {
    invariant(!isGreedy, `a greedy label ends its path: ${operation.service.name} ${operation.name}`);
    isGreedy = segment.endsWith("+}");
    if (!segment.startsWith("{")) node = literalChild(node, segment);
    else if (!isGreedy) node = node.label ??= emptyNode();
    if (segment.startsWith("{")) labelNames.push(segment.slice(1, isGreedy ? -2 : -1));
  }
  const leaf = isGreedy ? (node.greedy ??= []) : (node.leaf ??= []);
  leaf.push(candidateOf(operation, labelNames, question === -1 ? "" : uri.slice(question + 1)));
}

/** S3's `Bucket` is a label without a place, for it may be in the host name: here it is always the first segment. */
function uriWithAllLabels(operation: Operation): string {
  const uri = operation.http?.uri ?? "/";
  const unplaced = operation.input.members.filter(
    ({ name, binding }) =>
      binding.in === "label" && !uri.includes(`{${name}}`) && !uri.includes(`{${name}+}`),
  );
  return unplaced.map(({ name }) => `/{${name}}`).join("") + uri;
}

function candidateOf(operation: Operation, labelNames: readonly string[], query: string): Candidate {
  const pairs = query === "" ? [] : query.split("&").map(pairOf);
  const required = operation.input.members.filter((member) => member.required);
  return {
    operation,
    labelNames,
    literals: pairs.filter(([key]) => key !== "x-id"),
    hint: pairs.find(([key]) => key === "x-id")?.[1],
    requiredQuery: required.flatMap(queryNameOf),
    requiredHeaders: required.flatMap(headerNameOf),
  };
}

function queryNameOf({ binding }: Member): string[] {
  return binding.in === "query" ? [binding.name] : [];
}

function headerNameOf({ binding }: Member): string[] {
  return binding.in === "header" ? [binding.name.toLowerCase()] : [];
}

function pairOf(part: string): readonly [string, string] {
  const equals = part.indexOf("=");
  return equals === -1 ? [part, ""] : [part.slice(0, equals), part.slice(equals + 1)];
}

function sortLeaves(node: Node): void {
  for (const leaf of [node.leaf, node.greedy]) leaf?.sort((a, b) => specificity(b) - specificity(a));
  for (const child of node.literals.values()) sortLeaves(child);
  if (node.label) sortLeaves(node.label);
}

function specificity(candidate: Candidate): number {
  const required = candidate.requiredQuery.length + candidate.requiredHeaders.length;
  return candidate.literals.length * 1000 + required;
}

function rootOf(roots: Map<string, Node>, method: string): Node {
  const known = roots.get(method);
  if (known) return known;
  const root = emptyNode();
  roots.set(method, root);
  return root;
}

function literalChild(node: Node, segment: string): Node {
  const known = node.literals.get(segment);
  if (known) return known;
  const child = emptyNode();
  node.literals.set(segment, child);
  return child;
}

function emptyNode(): Node {
  return { literals: new Map(), label: undefined, greedy: undefined, leaf: undefined };
}
