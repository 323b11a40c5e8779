import type { Manifest } from '../keys/manifest.ts';
import { noticeId } from '../notices/notice.ts';
import type { Notice, NoticeType } from '../notices/notice.ts';
import type { LeakFacts, LeakOutcome, LeakedKeyAnswer, RefusalCode, ToldKey } from './answer.ts';

/** What a notice says of a key with which it ended so. What is not here `rotate-keys` tells, or nobody needs to know. */
const SAYS: Partial<Record<LeakOutcome, { type: NoticeType; why: (keyId: string) => string }>> = {
  contained: { type: 'key.contained', why: (keyId) => `Key ${keyId} was reported as leaked, and is disabled.` },
  reported: {
    type: 'key.asked',
    why: (keyId) =>
      `Key ${keyId} was reported as leaked and works: no entry manages it, and Keyrota may not disable it.`,
  },
  'replaced-first': {
    type: 'key.asked',
    why: (keyId) =>
      `Key ${keyId} was reported as leaked and works: Keyrota itself runs on it, so it is replaced first.`,
  },
  failed: {
    type: 'key.failed',
    why: (keyId) => `Key ${keyId} was reported as leaked, and may still work: IBM Cloud did not answer clearly.`,
  },
};

/**
 * What people are told of a report. Pure. The ids are those that a repeat of the report gives, so receivers drop it; a contained key
 * has the id that `rotate-keys` would give it.
 */
export function leakNotices(
  facts: LeakFacts,
  nowMs: number,
  { deployment, accountId, manifest }: { deployment: string; accountId: string; manifest: Manifest },
): Notice[] {
  const day = new Date(nowMs).toISOString().slice(0, 10);
  const common = { atMs: nowMs, deployment };
  const details = detailsOf(facts, accountId);
  const ofKeys = facts.incidents.flatMap((key): Notice[] => {
    const says = SAYS[key.outcome];
    if (!says) return [];
    const { incident, keyId, name } = key;
    const secret = manifest.keys.find((one) => one.name === name)?.secret.name ?? null;
    const id = noticeId(deployment, says.type, keyId, day);
    const told = { ...details, ...siblingsOf(key), ...(key.containedAt !== null && tokensOf(key)) };
    const next = nextOf(key, secret);
    return [{ ...common, type: says.type, id, name, keyId, incident, why: says.why(keyId), next, details: told }];
  });
  const ofBrake = facts.refused === null ? [] : [brakeNotice(facts, facts.refused, day, { ...common, details })];
  return [...ofKeys, ...ofBrake];
}

interface Refused {
  why: string;
  next: string;
}

const REFUSED: Partial<Record<RefusalCode, Refused>> & Record<'cloud_not_answering', Refused> = {
  too_many_keys: {
    why: 'has reported as many keys as it may in an hour. Its latest report was not acted on.',
    next: 'If the reports are true, raise `incidents.perHour` in the manifest, or have the sender report with the values of the keys.',
  },
  value_needed: {
    why: 'has reported a key without its value, and reports of that key could not be counted. The report was not acted on.',
    next: 'If the report is true, disable the key yourself, or have the sender report with its value.',
  },
  cloud_not_answering: {
    why: 'has reported a key, and the report was not acted on: IBM Cloud did not answer.',
    next: 'Send the report again once IBM Cloud answers.',
  },
};

function brakeNotice(
  { sender, deliveryId }: LeakFacts,
  refused: RefusalCode,
  day: string,
  common: Pick<Notice, 'atMs' | 'deployment' | 'details'>,
): Notice {
  const isBrake = refused === 'too_many_keys';
  const type = isBrake ? 'reports.braked' : 'key.failed';
  const says = REFUSED[refused] ?? REFUSED.cloud_not_answering;
  const next = [
    `Look at the log lines of delivery ${deliveryId}, and whether that sender is to be trusted.`,
    says.next,
  ];
  const id = noticeId(common.deployment, type, sender, isBrake ? day : deliveryId);
  return { ...common, type, id, name: null, keyId: null, incident: null, why: `${sender} ${says.why}`, next };
}

function detailsOf({ sender, deliveryId, reason, evidenceUrl }: LeakFacts, account: string): Notice['details'] {
  return { account, reportedBy: sender, delivery: deliveryId, reason, evidence: evidenceUrl };
}

const siblingsOf = ({ siblings }: LeakedKeyAnswer): Notice['details'] =>
  siblings.length === 0 ? {} : { siblings: siblings.map(({ keyId, name }) => `${keyId} ${name}`) };

const tokensOf = ({ containedAt, tokensMayBeValidUntil }: LeakedKeyAnswer): Notice['details'] => ({
  containedAt,
  tokensMayBeValidUntil,
});

function nextOf({ keyId, apiKeyId, name, incident, outcome, siblings }: ToldKey, secret: string | null): string[] {
  const replaced =
    secret === null ? [] : [`Its replacement will be in secret ${secret}: have every consumer fetch that anew.`];
  const others = siblings.filter(({ contained }) => !contained).map((one) => one.keyId);
  const unknown =
    others.length === 0 ? [] : [`Find out who made these keys of the same identity since: ${others.join(', ')}`];
  const first = outcome === 'contained' ? falseReport(name) : end(keyId, apiKeyId);
  return [...replaced, ...unknown, first, `keyrota export ${incident} writes down all that is known.`];
}

const SOON = 'as soon as its users can do without';

function end(keyId: string, apiKeyId: string | null): string {
  if (apiKeyId === null) return `Put key ${keyId} out of use yourself where it was made, ${SOON}.`;
  return `Disable API key ${apiKeyId} yourself, in the console or by POST /v1/apikeys/${apiKeyId}/disable, ${SOON}.`;
}

const falseReport = (name: string | null): string =>
  name === null
    ? 'If the report is false, enable the key in the console.'
    : `If the report is false, and it is not replaced yet: keyrota undo ${name}`;
