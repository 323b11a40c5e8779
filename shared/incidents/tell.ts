import { incidentIdOf } from '../keys/compromise-mark.ts';
import { generatedFor } from '../keys/generated-for.ts';
import { timeText } from '../rotation/record.ts';
import type { SeenIncident } from '../rotation/seen-incidents.ts';
import { withTimeLimit } from '../runtime/clock.ts';
import { maskSecrets } from '../runtime/secret-value.ts';
import { keyAnswer } from './answer.ts';
import type { LeakFacts, LeakRefused, RefusalCode, ToldKey, Work } from './answer.ts';
import { recount } from './brakes.ts';
import type { LeakReport } from './leak-report.ts';
import { ToldLately } from './told-lately.ts';
import type { LeakContext, LeakWorld } from './world.ts';

/** What `rotate-keys` and people are given to take the word, in milliseconds. */
const TELLING_MS = 2_000;
/** Kept back for the answer itself. */
const ANSWER_MS = 100;

/** One line about what became of a key, in the moment in which it is known. */
export function logContainment({ key, decision, containment }: Work, elapsedMs: number, { log }: LeakWorld): void {
  const { keyId, entry, apiKey } = key;
  const name = entry?.name ?? null;
  const fields = { incident: incidentIdOf(keyId), keyId, key: name, elapsedMs };
  const whose = name === null ? 'that no entry manages' : `of ${name}`;
  switch (containment?.outcome) {
    case 'contained':
      if (containment.isNew) log.warn('key_contained', `leaked key ${keyId} ${whose} is disabled`, fields);
      else log.info('key_out_already', `leaked key ${keyId} ${whose} was disabled before`, fields);
      break;
    case 'handed-over':
      log.warn('key_handed_over', `leaked key ${keyId} ${whose} is for rotate-keys to put out of use`, fields);
      break;
    case 'replaced-first':
      log.warn(
        'own_key_leaked',
        `Keyrota runs on leaked key ${keyId}: it is replaced before it is put out of use`,
        fields,
      );
      break;
    case 'reported': {
      const issuerName = { issuerName: apiKey?.name, owner: apiKey?.iam_id };
      const why = `leaked key ${keyId} works, and is not ours to put out of use: a person must disable it`;
      log.error('unmanaged_key_leaked', why, { ...fields, ...issuerName });
      break;
    }
    case 'gone':
      log.info('key_gone_already', `leaked key ${keyId} ${whose} exists no more`, fields);
      break;
    case 'failed':
      log.error('containment_failed', `leaked key ${keyId} ${whose} may still work: ${containment.why}`, fields);
      break;
    case undefined:
      log.info('leak_dry_run', `a dry run: nothing is done to leaked key ${keyId} ${whose}`, { ...fields, decision });
      break;
    default:
      containment satisfies never;
  }
}

/** Hands the word on, as far as there is time. @returns whether `rotate-keys` took it, now or lately. */
export async function tell(
  works: readonly Work[],
  report: LeakReport,
  context: LeakContext,
  world: LeakWorld,
): Promise<boolean> {
  const { log } = world;
  const lately = context.toldLately ?? new ToldLately();
  const names = [...new Set(works.filter(({ key }) => !key.isGone).flatMap(({ key }) => key.entry?.name ?? []))];
  const unmanaged = works.filter(isUnmanaged);
  const untold = unmanaged.filter((work) => lately.note(wordOf(work), world.clock.nowMs()));
  const isQuiet = (work: Work) => isUnmanaged(work) && !untold.includes(work);
  const isAnyNews = works.some((work) => isNews(work) && !isQuiet(work));
  const [poked, noticed] = await Promise.all([
    names.length + untold.length === 0
      ? unmanaged.length > 0
      : attempt(
          context,
          (signal) =>
            context.poke(
              names,
              untold.map((work) => seenIncident(work, report, world)),
              signal,
            ),
          (error) => {
            log.warn('poke_failed', 'rotate-keys was not told; its timer finds the leak', { error });
          },
        ),
    !isAnyNews || notify(() => factsOf(report, works.map(toldKey), null), context),
    attempt(
      context,
      (signal) => recount(works, report, world, signal),
      (error) => {
        log.warn('recount_failed', 'how many keys were reported could not be seen again', { error });
      },
    ),
  ]);
  if (!poked || !noticed) for (const work of untold) lately.forget(wordOf(work));
  return poked;
}

/** What is told of a key that no entry manages: again where something else became of it. */
const wordOf = ({ key, containment }: Work): string => `${incidentIdOf(key.keyId)} ${containment?.outcome}`;

const toldKey = (work: Work): ToldKey => ({
  ...keyAnswer(work, false, false),
  apiKeyId: work.key.apiKey?.id ?? null,
});

/** Marks tell what was told before. Where there are none, nothing does. */
function isNews({ containment, marks }: Work): boolean {
  const { outcome } = containment ?? {};
  if (outcome === 'gone') return false;
  return marks.isNew || outcome === 'failed' || (!marks.issuer && !marks.version);
}

/** The key may work, and nobody but people can see to it now. */
const ALARMING: readonly string[] = ['too_many_keys', 'value_needed', 'cloud_not_answering'] satisfies RefusalCode[];

/** Brakes alarm a person; what nobody could have acted on is only noted. */
export async function tellOfRefusal(refused: LeakRefused, report: LeakReport, context: LeakContext): Promise<void> {
  const { code, message } = refused;
  const isLoud = code === 'cloud_not_answering' || code === 'not_allowed' || code === 'value_needed';
  context.log[isLoud ? 'error' : 'warn']('report_refused', message, { code, error: refused });
  if (ALARMING.includes(code)) await notify(() => factsOf(report, [], code), context);
}

/** @returns whether nobody is left to be told. */
function notify(facts: () => LeakFacts, context: LeakContext): Promise<boolean> {
  const { notify: deed, log } = context;
  if (!deed) return Promise.resolve(true);
  return attempt(
    context,
    (signal) => deed(facts(), signal),
    (error) => {
      log.warn('notice_failed', 'people could not be told', { error });
    },
  );
}

async function attempt(
  { clock, deadlineMs, signal }: LeakContext,
  deed: (signal: AbortSignal) => Promise<unknown>,
  onFailure: (error: unknown) => void,
): Promise<boolean> {
  try {
    const limitMs = Math.min(TELLING_MS, Math.max(deadlineMs - ANSWER_MS - clock.nowMs(), 1));
    // What throws at once fails like what rejects.
    await withTimeLimit(clock, limitMs, signal, async (until) => deed(until));
    return true;
  } catch (error) {
    onFailure(error);
    return false;
  }
}

/** A key that no entry manages, and that exists. */
const isUnmanaged = ({ key, containment }: Work): boolean =>
  key.entry === null && (containment?.outcome === 'contained' || containment?.outcome === 'reported');

/** For the ledger: of a key without an entry nobody else tells it. */
function seenIncident({ key, marks }: Work, report: LeakReport, { clock }: LeakWorld): SeenIncident {
  const { keyId, apiKey } = key;
  const { sender: by, deliveryId: delivery } = report;
  const containedAt = marks.containedAtMs === null ? '' : timeText(marks.containedAtMs);
  const reportedAt = containedAt || timeText(clock.nowMs());
  return {
    incident: incidentIdOf(keyId),
    name: apiKey?.name ?? '',
    kind: kindOf(key),
    keyId,
    owner: apiKey?.iam_id ?? '',
    reports: [{ by, delivery, at: reportedAt }],
    reportedAt,
    containedAt,
    replacedBy: '',
    replacedAt: '',
    deletedAt: '',
  };
}

function kindOf({ apiKey }: Work['key']): string {
  if (!apiKey) return '';
  if (generatedFor(apiKey) !== null) return 'service-credential';
  return apiKey.iam_id.startsWith('iam-') ? 'service-id-api-key' : 'user-api-key';
}

/** What the sender wrote may repeat the value. */
function factsOf(
  { sender, deliveryId, reason, evidenceUrl, credential }: LeakReport,
  incidents: LeakFacts['incidents'],
  refused: LeakFacts['refused'],
): LeakFacts {
  const value = credential.by === 'value' ? credential.value.reveal() : '';
  const masked = (text: string | null) =>
    text && maskSecrets(value === '' ? text : text.replaceAll(value, '[redacted]'));
  return { sender, deliveryId, reason: masked(reason), evidenceUrl: masked(evidenceUrl), incidents, refused };
}
