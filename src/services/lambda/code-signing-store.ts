/**
 * Code signing configurations in the store. A function that takes one into use writes its record anew, so that a
 * deletion which has just looked for users fails and looks again.
 */
import type { Records } from "../../store/records.ts";
import type { Store, Write } from "../../store/store.ts";
import { changeRecord } from "./change-record.ts";
import type { CodeSigningConfig, CodeSigningId } from "./domain/code-signing.ts";
import type { FunctionRecord } from "./domain/function.ts";
import { codeSigningId, codeSigningMissing } from "./domain/code-signing.ts";

type Place = Pick<CodeSigningId, "account" | "region">;

export class CodeSigningConfigs {
  readonly #store: Store;
  readonly #records: Records<CodeSigningConfig>;

  constructor(store: Store, records: Records<CodeSigningConfig>) {
    this.#store = store;
    this.#records = records;
  }

  async create(config: CodeSigningConfig): Promise<void> {
    await this.#store.commit([this.#records.put(partsOf(config.id), config, 0)]);
  }

  async get(id: CodeSigningId): Promise<CodeSigningConfig | undefined> {
    return (await this.#records.get(partsOf(id)))?.value;
  }

  /** That this function deploys under. */
  async of({ id, settings }: FunctionRecord): Promise<CodeSigningConfig | undefined> {
    const arn = settings.codeSigningConfigArn;
    const configId = arn === undefined ? undefined : codeSigningId(arn, id);
    return configId && this.get(configId);
  }

  change(
    id: CodeSigningId,
    missing: () => Error,
    change: (before: CodeSigningConfig) => CodeSigningConfig,
  ): Promise<CodeSigningConfig> {
    return changeRecord({
      store: this.#store,
      records: this.#records,
      parts: partsOf(id),
      missing,
      decide: (before) => ({ after: change(before) }),
    });
  }

  /** `requireUnused` throws when some function has it. */
  async remove(id: CodeSigningId, missing: () => Error, requireUnused: () => Promise<void>): Promise<void> {
    await changeRecord({
      store: this.#store,
      records: this.#records,
      parts: partsOf(id),
      missing,
      async decide() {
        await requireUnused();
        return { after: undefined };
      },
    });
  }

  /** In the order of their ids, those after `after`. */
  async list(
    { account, region }: Place,
    page: { readonly after?: string | undefined; readonly limit: number },
  ): Promise<CodeSigningConfig[]> {
    const after = page.after === undefined ? undefined : [account, region, page.after];
    const { items } = await this.#records.page({
      parts: [account, region],
      limit: page.limit,
      ...(after && { after }),
    });
    return items.map(({ value }) => value);
  }

  /** The configuration that a function names, and the write that goes into the commit by which it takes it. */
  async taken(
    arn: string,
    place: Place,
  ): Promise<{ readonly config: CodeSigningConfig; readonly write: Write }> {
    const id = codeSigningId(arn, place);
    const stored = id && (await this.#records.get(partsOf(id)));
    if (!stored) throw codeSigningMissing(arn);
    return {
      config: stored.value,
      write: this.#records.put(stored.parts, stored.value, stored.version),
    };
  }
}

function partsOf({ account, region, name }: CodeSigningId): string[] {
  return [account, region, name];
}
