import type { ManagedKey } from '../keys/manifest.ts';
import { emptyLedger, withIncidents } from '../ledger/ledger-data.ts';
import type { IncidentRecord } from '../ledger/ledger-data.ts';
import type { Observation, SeenVersion } from '../rotation/observation.ts';
import { timeOf, timeText } from '../rotation/record.ts';
import type { MintReason } from '../rotation/record.ts';
import type { SeenIncident } from '../rotation/seen-incidents.ts';
import { situationOf } from '../rotation/situation.ts';
import type { StoryEvent } from './key-story.ts';

/** Why a key was made, in words. */
const REASONS: Readonly<Record<MintReason, string>> = {
  first: 'there was none',
  due: 'the rotation was due',
  asked: 'a person asked for it',
  moved: 'the former one belonged to another identity',
  lost: 'the former one was gone',
  expired: 'the former one had expired',
  disabled: 'somebody else had disabled the former one',
  compromised: 'the former one was reported as compromised',
  undo: 'an undo made it current again',
  adopted: 'a key that was there before was taken in',
  imported: 'a person brought it',
};

/** What has happened, as versions, keys and incidents tell. Oldest first. */
export function storyPast(
  key: ManagedKey,
  seen: Observation,
  incidents: readonly SeenIncident[],
  nowMs: number,
): StoryEvent[] {
  const events = [
    ...ofVersions(seen.secret?.versions ?? []),
    ...ofKeys(key, seen, nowMs),
    ...incidents.flatMap((incident) => ofIncident(incident, nowMs)),
  ];
  return events.toSorted((one, other) => one.at.localeCompare(other.at));
}

function ofVersions(versions: readonly SeenVersion[]): StoryEvent[] {
  const created = new Set<string>();
  return versions.flatMap(({ record, createdAtMs }, index): StoryEvent[] => {
    const at = timeText(createdAtMs);
    if (!record)
      return [{ at, what: 'stored', keyId: null, text: 'a version was stored that is not of this installation' }];
    const { key_id: keyId, key_created_at: createdAt, reason } = record;
    const former = versions[index - 1]?.record?.key_id;
    const isNew = !created.has(keyId) && timeOf(createdAt) !== null;
    created.add(keyId);
    return [
      ...(isNew ? [{ at: createdAt, what: 'created' as const, keyId, text: `key ${keyId} was made` }] : []),
      { at, what: 'stored', keyId, text: `key ${keyId} became current: ${REASONS[reason]}` },
      ...(former !== undefined && former !== keyId
        ? [{ at, what: 'superseded' as const, keyId: former, text: `key ${former} was superseded` }]
        : []),
    ];
  });
}

/** What keys that exist show of themselves. */
function ofKeys(key: ManagedKey, seen: Observation, nowMs: number): StoryEvent[] {
  const { oldKeys } = situationOf(key, seen, nowMs);
  const stored = new Set(seen.secret?.versions.flatMap(({ record }) => record?.key_id ?? []));
  const graceOver = oldKeys.flatMap(({ key: { id }, supersededAtMs }): StoryEvent[] => {
    const atMs = (supersededAtMs ?? Infinity) + key.policy.graceMs;
    return atMs <= nowMs
      ? [{ at: timeText(atMs), what: 'grace over', keyId: id, text: `the grace of key ${id} was over` }]
      : [];
  });
  const shown = seen.keys.flatMap((one): StoryEvent[] => {
    if (!one.exists) return [];
    const { id, createdAtMs, disabled, disabledAtMs } = one;
    const made: StoryEvent = { at: timeText(createdAtMs), what: 'created', keyId: id, text: `key ${id} was made` };
    const isShown = disabled && disabledAtMs !== null;
    return [
      ...(createdAtMs > 0 && !stored.has(id) ? [made] : []),
      ...(isShown
        ? [
            {
              at: timeText(disabledAtMs),
              what: 'disabled' as const,
              keyId: id,
              text: `key ${id} was disabled at its issuer`,
            },
          ]
        : []),
    ];
  });
  return [...graceOver, ...shown];
}

function ofIncident(incident: SeenIncident, nowMs: number): StoryEvent[] {
  const { keyId, reports, containedAt, replacedBy, replacedAt, deletedAt } = incident;
  const at = (time: string, what: StoryEvent['what'], text: string): StoryEvent[] =>
    timeOf(time) === null ? [] : [{ at: time, what, keyId, text }];
  // That a key is gone may have been seen by this very look, which does not tell since when.
  const isDatedNow = (timeOf(deletedAt) ?? nowMs) >= nowMs;
  return [
    ...reports.flatMap((report) =>
      at(report.at, 'reported', `key ${keyId} was reported as leaked by ${report.by} (${incident.incident})`),
    ),
    ...at(containedAt, 'contained', `key ${keyId} was put out of use`),
    ...at(replacedAt, 'replaced', `key ${keyId} was replaced by ${replacedBy}`),
    ...(isDatedNow ? [] : at(deletedAt, 'deleted', `key ${keyId} was seen to be deleted`)),
  ];
}

/** What this look shows of leaks, with what the ledger remembers of those of this entry. */
export function incidentsOf(
  key: ManagedKey,
  seen: readonly SeenIncident[],
  remembered: readonly IncidentRecord[],
): SeenIncident[] {
  const names = [key.name, ...key.formerly];
  const own = remembered.filter(({ name }) => names.includes(name));
  return withIncidents({ ...emptyLedger(), incidents: own }, seen).incidents.map((one) => ({
    incident: one.incident,
    name: one.name,
    kind: one.kind,
    keyId: one.key_id,
    owner: one.owner,
    reports: one.reports,
    reportedAt: one.reported_at,
    containedAt: one.contained_at,
    replacedBy: one.replaced_by,
    replacedAt: one.replaced_at,
    deletedAt: one.deleted_at,
  }));
}
