import type { IncidentRecord } from '../ledger/ledger-data.ts';
import { readLedger } from '../ledger/ledger.ts';
import type { ManagedKey, Manifest } from '../keys/manifest.ts';
import type { Ports } from '../rotation/ports.ts';
import { KeyrotaError } from '../runtime/errors.ts';
import type { KeyStory } from './key-story.ts';
import { keyStory } from './tell-key-story.ts';

/**
 * The story of one key as the report may tell it: it changes nothing for a look, and what its own rights do not show it does not take for
 * what `rotate-keys` sees.
 * @throws KeyrotaError `takes_change` for a kind of key that cannot be looked at without a change at its issuer.
 */
export async function storyOfReport(key: ManagedKey, manifest: Manifest, ports: Ports): Promise<KeyStory> {
  if (!ports.kindOf(key).survey) {
    throw new KeyrotaError('takes_change', `A look at keys of kind ${key.kind} takes a change at their issuer.`, {
      next: `keyrota explain ${key.name}, which makes it with your rights.`,
    });
  }
  await ports.login();
  return asReaderSees(await keyStory(key, ports, await remembered(manifest, ports)));
}

/** Without the ledger the versions and keys tell all the same. */
async function remembered(manifest: Manifest, ports: Ports): Promise<IncidentRecord[]> {
  try {
    return (await readLedger(manifest, ports)).incidents;
  } catch (error) {
    if (ports.signal.aborted || !(error instanceof KeyrotaError)) throw error;
    return [];
  }
}

/** What keeps a reader with few rights from seeing keeps nobody else. */
function asReaderSees(story: KeyStory): KeyStory {
  const { decision } = story;
  const { rule, step, why, code } = decision;
  if (rule === 'could-not-look' && step === 'ask') {
    const next = [
      `keyrota explain ${story.name}, which looks with your rights. docs/report.md says which show more here.`,
    ];
    return { ...story, decision: { ...decision, step: 'unseen', why: `the report may not look at it: ${why}`, next } };
  }
  if (rule === 'ask-before-the-mint') {
    const seen = `the next run makes a new key, unless something stands in the way. With the rights of the report: ${why}`;
    return { ...story, decision: { ...decision, step: 'mint', why: seen, code, next: [] } };
  }
  return story;
}
