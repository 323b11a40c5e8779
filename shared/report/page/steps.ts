/** A piece of a step: what is typed, or what is said about it. */
export interface StepPart {
  text: string;
  isCommand: boolean;
}

/** Words that follow a command and are no part of it. */
const AFTERWARDS = /\s(?:names|tells|shows|which|and|or|where|until)\s/;

/** A command, up to a comma, a semicolon, a colon, or the full stop of the sentence. Quoted words may hold all of these. */
const COMMAND = /\b(?:ibmcloud|keyrota|jq)(?:\s(?:'[^']*'|"[^"]*"|\|\s*keyrota|[^\s,;:'"]*[^\s,;:.'"]))+/g;

/** Takes a step for a person apart, so that what is to be typed can be copied. */
export function partsOf(step: string): StepPart[] {
  const parts: StepPart[] = [];
  let end = 0;
  for (const match of step.matchAll(COMMAND)) {
    const [command = ''] = match[0].split(AFTERWARDS);
    if (match.index > end) parts.push({ text: step.slice(end, match.index), isCommand: false });
    parts.push({ text: command, isCommand: true });
    end = match.index + command.length;
  }
  if (end < step.length) parts.push({ text: step.slice(end), isCommand: false });
  return parts;
}
