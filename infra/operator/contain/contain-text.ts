import type { ManagedKey } from '../../../shared/keys/manifest.ts';
import { escapeControls } from '../../../shared/runtime/log.ts';
import type { LeakOutcome } from '../../../shared/incidents/answer.ts';
import { isOut } from './contain.ts';
import type { Contained } from './contain.ts';

const OUTCOMES: Readonly<Record<Exclude<LeakOutcome, 'dry-run'>, string>> = {
  contained: 'is contained: it logs in no more',
  'handed-over': 'is marked, and still works: a run must end it',
  'replaced-first': 'is marked, and still works: Keyrota itself runs on it',
  reported: 'still works: Keyrota may not put it out of use',
  gone: 'exists no more',
  failed: 'may still work: IBM Cloud did not answer clearly',
};

/** What was done, and what a person does next. */
export function containText(contained: Contained, key: ManagedKey, manifestSaysDryRun: boolean): string {
  const { name, keyId, incident } = contained;
  const { outcome, wouldBe } = incident;
  if (outcome === 'dry-run') {
    const why = manifestSaysDryRun ? ' The manifest says `incidents: { dryRun: true }`, so nothing ever is.' : '';
    return `${name}: nothing was done to ${keyId}; without the dry run it would be ${wouldBe ?? 'contained'}.${why}`;
  }
  const lines = [
    `${name}: ${keyId} ${endOf(contained, outcome)}`,
    ...(incident.containedAt === null ? [] : [`  out of use since ${incident.containedAt}`]),
    ...tokenLines(contained),
    ...runLines(contained, key),
    ...incident.siblings.map(
      ({ keyId: id, name: at, contained: isOff }) =>
        `  made since with the same identity, and not by Keyrota: ${id} ${escapeControls(at)}${isOff ? ', disabled' : ''}`,
    ),
    `  incident ${incident.incident}`,
  ];
  return [...lines, '', 'Next:', ...nextLines(contained, key).map((line) => `  ${line}`)].join('\n');
}

/** What the response could not do itself, the run after it may have done. */
const endOf = (contained: Contained, outcome: keyof typeof OUTCOMES): string =>
  (outcome === 'handed-over' || outcome === 'replaced-first') && isOut(contained)
    ? 'is out of use: the run that followed has ended it'
    : OUTCOMES[outcome];

function tokenLines({ incident }: Contained): string[] {
  const { tokensMayBeValidUntil: tokens, refreshTokensMayBeValidUntil: refresh } = incident;
  return [
    ...(tokens === null ? [] : [`  tokens that were made with it may be valid until ${tokens}`]),
    ...(refresh === null ? [] : [`  refresh tokens of the user may be valid until ${refresh}`]),
  ];
}

function runLines({ run, replacedBy, wasCurrent }: Contained, { state }: ManagedKey): string[] {
  const taken = run?.steps.map(({ step }) => step).join(', ') ?? '';
  const isMissing = wasCurrent !== false && state === 'active' && replacedBy === null;
  return [
    ...(replacedBy === null ? [] : [`  replaced by ${replacedBy}`]),
    ...(isMissing ? [`  not replaced yet: ${escapeControls(run?.why ?? 'no run followed')}`] : []),
    ...(taken === '' ? [] : [`  the run that followed: ${taken}`]),
  ];
}

function nextLines(contained: Contained, key: ManagedKey): string[] {
  const { name, run, incident, replacedBy, wasCurrent } = contained;
  const { secret, runsKeyrota } = key;
  return [
    ...(run?.next ?? []).map(escapeControls),
    ...(incident.outcome === 'failed'
      ? [`Repeat it, it goes on where this ended: npm run keyrota -- contain ${name} --key-id ${incident.keyId}`]
      : []),
    ...(incident.outcome === 'replaced-first' || (runsKeyrota && wasCurrent !== false)
      ? [`Start Keyrota with the current value of secret ${secret.name} (KEYROTA_API_KEY), at once.`]
      : []),
    ...(replacedBy === null ? [] : [`Have every program fetch secret ${secret.name} anew.`]),
    ...(isOut(contained) && wasCurrent !== false && replacedBy === null && key.state === 'active'
      ? [`See what it waits for: npm run keyrota -- explain ${name}`]
      : []),
    `Write down all that is known: npm run keyrota -- export ${incident.incident}`,
  ];
}
