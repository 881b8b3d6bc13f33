/**
 * Function records in the store: read, listed, created and changed, each change in one conditional commit.
 *
 * Every change writes the function's own entry, whose version is therefore the condition for all that belongs to it. A
 * change that loses a race is made again on what the winner left, so that the loser gets AWS's error and nothing is
 * half-made. What the account has given away (`account.ts`) follows from the function and is written with it. What was read stays in memory and answers without I/O until the store says that someone has written; then
 * it is checked first. What is written where: `collections.ts`.
 */
import { lambdaCachedFunctionsMax, lambdaCachedPagesMax, lambdaCommitAttemptsMax } from "../../limits.ts";
import type { PageRequest, Records } from "../../store/records.ts";
import type { Store, Write } from "../../store/store.ts";
import { StoreError } from "../../store/store.ts";
import type { Collections, FunctionHead } from "./collections.ts";
import { functionParts, versionParts, writesFor } from "./collections.ts";
import { resourceConflict, serviceFailed } from "./errors.ts";
import type { AccountRecord } from "./domain/account.ts";
import { accountWith, nothingGiven } from "./domain/account.ts";
import type { FunctionRecord, Version } from "./domain/function.ts";
import type { FunctionId } from "./domain/function-ref.ts";

export interface Known {
  readonly fn: FunctionRecord;
  readonly account: AccountRecord;
}

export interface Change {
  /** Undefined: it is to be removed. The same object: nothing is written. */
  readonly fn: FunctionRecord | undefined;
  /** Records elsewhere that must stay as they were read, or change with the function. */
  readonly also?: readonly Write[];
}

/** Called after a commit that changed a function, removed it (`after` undefined) or made it (`before` undefined). */
export type Listener = (before: FunctionRecord | undefined, after: FunctionRecord | undefined) => void;

interface Commit extends Change {
  /** Left out: as it is. */
  readonly account?: AccountRecord;
}

type AccountId = Omit<FunctionId, "name">;

interface Cached<T> {
  readonly value: T;
  /** Of the entry in the store; 0: there is none. */
  readonly version: number;
  /** Current while no commit of anyone has touched functions since. */
  readonly era: number;
}

export class Functions {
  readonly #store: Store;
  readonly #in: Collections;
  readonly #functions = new Map<string, Cached<FunctionRecord>>();
  readonly #accounts = new Map<string, Cached<AccountRecord>>();
  /** Pages of lists: whoever pages through all functions reads as many records as there are. */
  readonly #pages = new Map<string, { readonly heads: readonly FunctionHead[]; readonly era: number }>();
  /** Grows with each commit that touched a function or an account, ours or another process's. */
  #era = 0;
  readonly #listeners: Listener[] = [];
  readonly #unwatch: readonly (() => void)[];

  constructor(store: Store, collections: Collections) {
    this.#store = store;
    this.#in = collections;
    const wake = (): void => void (this.#era += 1);
    this.#unwatch = [collections.functions, collections.accounts].map(({ prefix }) =>
      store.watch(prefix, wake),
    );
  }

  onChange(listener: Listener): void {
    this.#listeners.push(listener);
  }

  close(): void {
    for (const unwatch of this.#unwatch) unwatch();
  }

  /** From memory, if that is known to be current. */
  cached(id: FunctionId): Known | undefined {
    const fn = this.#functions.get(functionKey(id));
    const account = this.#accounts.get(accountKey(id));
    return fn?.era === this.#era && account?.era === this.#era
      ? { fn: fn.value, account: account.value }
      : undefined;
  }

  async known(id: FunctionId): Promise<Known | undefined> {
    const fn = await this.#load(id);
    return fn && { fn: fn.value, account: (await this.#loadAccount(id)).value };
  }

  async get(id: FunctionId): Promise<FunctionRecord | undefined> {
    return (await this.#load(id))?.value;
  }

  async account(id: AccountId): Promise<AccountRecord> {
    return (await this.#loadAccount(id)).value;
  }

  async create(fn: FunctionRecord, also: readonly Write[] = []): Promise<void> {
    try {
      await this.#commit(fn.id, undefined, { fn, also });
    } catch (error) {
      if (!isConflict(error)) throw error;
      if (await this.get(fn.id)) throw resourceConflict(`Function already exist: ${fn.id.name}`);
      // What it refers to has just been changed.
      throw resourceConflict("The resource that the function refers to is being changed. Please try again.");
    }
  }

  /**
   * Reads, lets `change` decide, commits; again from the start when another writer came between. `change` may run more
   * than once; what it throws goes to the caller. Answers its result, with the record that it started from.
   */
  async change<C extends Change>(
    id: FunctionId,
    missing: () => Error,
    change: (fn: FunctionRecord, account: AccountRecord) => C | Promise<C>,
  ): Promise<C & { readonly before: FunctionRecord }> {
    for (let attempt = 0; attempt < lambdaCommitAttemptsMax; attempt += 1) {
      const before = await this.#load(id);
      if (!before) throw missing();
      const account = await this.#loadAccount(id);
      const next = await change(before.value, account.value);
      const given = accountWith(account.value, id.name, next.fn);
      try {
        if (next.fn !== before.value) {
          await this.#commit(
            id,
            { fn: before, account },
            given === account.value ? next : { ...next, account: given },
          );
        }
        return { ...next, before: before.value };
      } catch (error) {
        if (!isConflict(error)) throw error;
      }
    }
    throw serviceFailed("The function is being changed by too many callers at once.");
  }

  /** In the order of names, those after `after`. */
  async list(
    { account, region }: AccountId,
    page: { readonly after?: string | undefined; readonly limit: number },
  ): Promise<readonly FunctionHead[]> {
    const key = `${accountKey({ account, region })}/${page.limit}/${page.after ?? ""}`;
    const known = this.#pages.get(key);
    if (known?.era === this.#era) return known.heads;
    const era = this.#era;
    const after = page.after === undefined ? undefined : [account, region, page.after];
    const request: PageRequest = { parts: [account, region], limit: page.limit, ...(after && { after }) };
    const { items } = await this.#in.functions.page(request);
    const heads = items.map(({ value }) => value);
    if (this.#pages.size >= lambdaCachedPagesMax) this.#pages.clear();
    this.#pages.set(key, { heads, era });
    return heads;
  }

  /** Every function, without versions: of one account and region, or of all. */
  heads(of?: AccountId): AsyncGenerator<FunctionHead> {
    return everyRecord(this.#in.functions, of ? [of.account, of.region] : []);
  }

  /** Every published version of an account and region. */
  versions({ account, region }: AccountId): AsyncGenerator<Version> {
    return everyRecord(this.#in.versions, [account, region]);
  }

  async #load(id: FunctionId): Promise<Cached<FunctionRecord> | undefined> {
    const key = functionKey(id);
    const cached = this.#functions.get(key);
    if (cached?.era === this.#era) return cached;
    for (;;) {
      const era = this.#era;
      const head = await this.#in.functions.get(functionParts(id));
      if (!head) {
        this.#functions.delete(key);
        return undefined;
      }
      const { version } = head;
      if (version === cached?.version) return this.#remember(key, { ...cached, era });
      const versions: Version[] = [];
      for await (const each of everyRecord(this.#in.versions, versionParts(head.value))) versions.push(each);
      // A writer between the two reads would have us pair an old head with new versions.
      const isWhole =
        this.#era === era || (await this.#in.functions.get(functionParts(id)))?.version === version;
      if (isWhole) return this.#remember(key, { value: { ...head.value, versions }, version, era });
    }
  }

  async #loadAccount({ account, region }: AccountId): Promise<Cached<AccountRecord>> {
    const key = accountKey({ account, region });
    const cached = this.#accounts.get(key);
    const era = this.#era;
    if (cached?.era === era) return cached;
    const stored = await this.#in.accounts.get([account, region]);
    const loaded = { value: stored?.value ?? nothingGiven, version: stored?.version ?? 0, era };
    this.#accounts.set(key, loaded);
    return loaded;
  }

  #remember(key: string, loaded: Cached<FunctionRecord>): Cached<FunctionRecord> {
    this.#functions.delete(key);
    this.#functions.set(key, loaded);
    if (this.#functions.size > lambdaCachedFunctionsMax) {
      const [oldest] = this.#functions.keys();
      if (oldest !== undefined) this.#functions.delete(oldest);
    }
    return loaded;
  }

  async #commit(
    id: FunctionId,
    before: { readonly fn: Cached<FunctionRecord>; readonly account: Cached<AccountRecord> } | undefined,
    next: Commit,
  ): Promise<void> {
    const key = functionKey(id);
    const batch = [...writesFor(this.#in, { id, before: before?.fn, after: next.fn }), ...(next.also ?? [])];
    if (next.account) {
      batch.push(this.#in.accounts.put([id.account, id.region], next.account, before?.account.version ?? 0));
    }
    // Each watcher that our own commit wakes makes one era. Are there more by then, what we know is to be checked.
    const era = this.#era + (next.account ? 2 : 1);
    try {
      const { versions } = await this.#store.commit(batch);
      this.#functions.delete(key);
      if (next.fn) this.#remember(key, { value: next.fn, version: versions[0] ?? 0, era });
      if (next.account) {
        this.#accounts.set(accountKey(id), { value: next.account, version: versions.at(-1) ?? 0, era });
      }
      for (const listener of this.#listeners) listener(before?.fn.value, next.fn);
    } catch (error) {
      this.#functions.delete(key);
      this.#accounts.delete(accountKey(id));
      throw error;
    }
  }
}

async function* everyRecord<T>(records: Records<T>, parts: readonly string[]): AsyncGenerator<T> {
  for await (const { value } of records.each({ parts })) yield value;
}

function functionKey({ account, region, name }: FunctionId): string {
  return `${account}/${region}/${name}`;
}

function accountKey({ account, region }: AccountId): string {
  return `${account}/${region}`;
}

function isConflict(error: unknown): boolean {
  return error instanceof StoreError && error.code === "conflict";
}
