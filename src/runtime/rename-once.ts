/**
 * Puts a finished directory into its place: whole, or not at all.
 */
import { rename, rm, stat } from "node:fs/promises";

/** Somebody who was faster has the same content there: then ours goes. */
export async function renameOnce(partial: string, place: string): Promise<void> {
  try {
    await rename(partial, place);
  } catch (error) {
    if (!(await stat(place).catch(() => undefined))) throw error;
    await rm(partial, { recursive: true, force: true });
  }
}
