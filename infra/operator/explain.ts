import { readLedger } from '../../shared/ledger/ledger.ts';
import type { IncidentRecord } from '../../shared/ledger/ledger-data.ts';
import type { KeyStory } from '../../shared/report/key-story.ts';
import { keyStory, keylessStory } from '../../shared/report/tell-key-story.ts';
import type { Ports } from '../../shared/rotation/ports.ts';
import { withPorts } from '../../shared/rotation/run.ts';
import { messageOf } from '../../shared/runtime/errors.ts';
import { escapeControls } from '../../shared/runtime/log.ts';
import { EXIT, anyEntryOf } from './commands.ts';
import type { CommonOptions, ExitCode } from './commands.ts';
import { withContext } from './context.ts';
import type { OperatorContext } from './context.ts';
import { storyText } from './explain-text.ts';
import { print, printJson } from './output.ts';
import { withProgress } from './progress.ts';

/** `explain NAME`: what exists of an entry, what was decided, by which rule, and what comes next. Changes nothing. */
export function explainCommand(name: string, options: CommonOptions): Promise<ExitCode> {
  return withContext(options, async (context) => {
    const story = await storyOf(name, context);
    if (options.json) printJson(story);
    else print(storyText(story, context.clock.nowMs()));
    if (story.decision.step === 'failed') return EXIT.failed;
    return story.decision.step === 'ask' ? EXIT.personNeeded : EXIT.done;
  });
}

async function storyOf(name: string, context: OperatorContext): Promise<KeyStory> {
  const entry = anyEntryOf(context.manifest, name);
  if ('profileId' in entry) return keylessStory(entry, context.clock.nowMs());
  return withProgress({ what: `looking at ${name}`, keyCount: null }, context, (watched) =>
    withPorts({ ...watched, readOnly: true }, async (ports) => {
      await ports.login();
      return keyStory(entry, ports, await rememberedIn(context, ports));
    }),
  );
}

/** Where the ledger cannot be read, a story lacks what only that knows. */
async function rememberedIn({ manifest }: OperatorContext, ports: Ports): Promise<readonly IncidentRecord[]> {
  try {
    return (await readLedger(manifest, ports)).incidents;
  } catch (error) {
    if (ports.signal.aborted) throw error;
    const why = escapeControls(messageOf(error));
    process.stderr.write(`keyrota: the ledger cannot be read, so older leaks may be missing: ${why}\n`);
    return [];
  }
}
