/** A caller's pattern as a test for messages, refused in AWS's words where it cannot be read. */
import { invalidParameter } from "./errors.ts";
import { compileFilterPattern, type MessageTest } from "./filter-pattern.ts";
import { FilterSyntaxError } from "./filter-value.ts";

/** `name`: what AWS calls it, "filter pattern". */
export function messageTest(pattern: string, name: string): MessageTest {
  try {
    return compileFilterPattern(pattern);
  } catch (error) {
    if (error instanceof FilterSyntaxError) throw invalidParameter(`Invalid ${name}`);
    throw error;
  }
}
