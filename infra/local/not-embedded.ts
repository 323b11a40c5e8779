/**
 * The message for what IBM Cloud has and the embedded cloud has not. Standard error gets it too: it must be noticed, not
 * mistaken for a refusal.
 */
export function notEmbeddedMessage(what: string): string {
  const message = `The embedded cloud has no ${what}.`;
  process.stderr.write(`${message}\n`);
  return message;
}
