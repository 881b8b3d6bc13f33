/** What lies in archives: kept with the event's acceptance, counted, removed when its time is up. */
import type { Clock } from "../../base/clock.ts";
import type { Write } from "../../store/store.ts";
import { type Archived, type ArchiveRecord, type ArchiveSize } from "./domain/archive.ts";
import type { BusName, Place } from "./domain/names.ts";
import type { EventBridgeStore } from "./store.ts";

const dayMs = 86_400_000;

export class Archives {
  readonly #store: EventBridgeStore;
  readonly #clock: Clock;
  /** By archive id; of what is committed and what is about to be. */
  readonly #sizes = new Map<string, Promise<{ size: ArchiveSize }>>();

  constructor(store: EventBridgeStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Undefined: there is none. */
  async find(place: Place, name: string): Promise<ArchiveRecord | undefined> {
    return (await this.#store.archives.get(place, name))?.value;
  }

  /** To be committed with the event's acceptance. Of acceptances at one time the size of any may be written last. */
  async keep(bus: BusName, name: string, event: Archived): Promise<readonly Write[]> {
    const archive = await this.find(bus, name);
    if (!archive) return [];
    const counted = await this.#counted(archive.id);
    const bytes = Buffer.byteLength(event.text);
    counted.size = { count: counted.size.count + 1, bytes: counted.size.bytes + bytes };
    return [this.#store.putArchived(archive.id, event), this.#store.putSize(archive.id, counted.size)];
  }

  async sizeOf({ id }: ArchiveRecord): Promise<ArchiveSize> {
    return (await this.#counted(id)).size;
  }

  /** Of all archives. */
  async sweep(): Promise<void> {
    for await (const archive of this.#store.everyArchive()) {
      if (archive.retentionDays === undefined) continue;
      await this.#removeBefore(archive, this.#clock.now() - archive.retentionDays * dayMs);
    }
  }

  /** After the archive itself is gone. */
  async clear(archive: ArchiveRecord): Promise<void> {
    await this.#removeBefore(archive, Number.MAX_SAFE_INTEGER);
    await this.#store.commit([this.#store.removeSize(archive.id)]);
    this.#sizes.delete(archive.id);
  }

  async #removeBefore(archive: ArchiveRecord, beforeMs: number): Promise<void> {
    const counted = await this.#counted(archive.id);
    for (;;) {
      const gone = await this.#store.removeArchived(archive.id, beforeMs);
      if (gone.length === 0) return;
      const bytes = gone.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0);
      counted.size = { count: counted.size.count - gone.length, bytes: counted.size.bytes - bytes };
      await this.#store.commit([this.#store.putSize(archive.id, counted.size)]);
    }
  }

  #counted(archiveId: string): Promise<{ size: ArchiveSize }> {
    const known = this.#sizes.get(archiveId);
    if (known) return known;
    const counting = this.#store.size(archiveId).then((size) => ({ size }));
    this.#sizes.set(archiveId, counting);
    counting.catch(() => this.#sizes.delete(archiveId));
    return counting;
  }
}
