/** A line that a function wrote, as a JSON object: as it is where it is one, and as the message of one otherwise. */
export function jsonLineOf(line: string): string {
  return isJsonObject(line) ? line : JSON.stringify({ level: 'info', event: 'output', message: line });
}

function isJsonObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}
