import type { FindingRecord, IncidentRecord } from '../ledger/ledger-data.ts';
import type { Severity } from '../findings/finding.ts';
import type { RowTable } from './row-table.ts';

/** How a key stands, the most urgent first. `unseen`: it was not looked at; `keyless`: its workload needs no key. */
export const STATES = ['ask', 'failed', 'unseen', 'planned', 'hold', 'rest', 'keyless'] as const;
export type State = (typeof STATES)[number];

/** One entry of the manifest in a list of all. Times in epoch seconds; null where there is none. */
export interface KeyRow {
  name: string;
  kind: string;
  /** The identity or instance that the key belongs to. */
  owner: string;
  state: State;
  /** Id of the current key, and of the one that is being retired; empty where there is none. */
  keyId: string;
  formerKeyId: string;
  rotatedAt: number | null;
  nextDue: number | null;
  /** When the grace of the former key is over. */
  graceOver: number | null;
  /** Since when it is as it is, and until when; null also where that depends on somebody. What rests does so until it is due. */
  since: number | null;
  until: number | null;
  deadSince: number | null;
  compromisedAt: number | null;
  /** Mints that failed since the last one that did not. */
  failures: number;
  /** What it waits for, asks or failed with; empty where it rests. */
  code: string;
  /** The step that the next run takes; empty where that is not `planned`. */
  step: string;
  /** A sentence; empty where nobody looked at the key, and its summary tells all that is known. */
  why: string;
}

export type Level = 'critical' | 'high' | 'watch';

/** Something that a person should do, and how. */
export interface Attention {
  level: Level;
  what:
    'leak' | 'dead' | 'ask' | 'failed' | 'overdue' | 'held' | 'finding' | 'silent' | 'unseen' | 'untold' | 'unlisted';
  /** Tells more exactly what: the code of what is asked or held, the rule of a finding; may be empty. */
  code: string;
  /** Names of the entries that it is about, the first ones; empty where it is about none. */
  entries: string[];
  /** How many there are. */
  entryCount: number;
  title: string;
  why: string;
  /** ISO; null where nothing tells. */
  since: string | null;
  /** The exact steps. */
  next: string[];
  /** What else was found about the same entry. */
  also: string[];
}

/** Something that could not be seen. */
export interface Unseen {
  what: string;
  code: string;
  why: string;
  next: string;
  /** Without it nobody can say that all is well. */
  isEssential: boolean;
}

/** When something that happens again and again happened last. */
export interface LastTime {
  /** ISO; null where it never did, or nobody knows. */
  at: string | null;
  isKnown: boolean;
  /** It should have happened again by now. */
  isLate: boolean;
}

/** A rule of the check, as far as people are told of it. */
export interface RuleWords {
  title: string;
  matters: string;
}

export type Status = 'act' | 'blind' | 'watch' | 'ok';

/** All that the page shows before a key is opened. It never holds a value. */
export interface FleetData {
  deployment: string;
  /** Now, ISO. Whatever is told in relation to now is told in relation to this. */
  generatedAt: string;
  tookMs: number;
  status: Status;
  /** Whether there is anything to do, in a sentence. */
  headline: string;
  attention: Attention[];
  /** More than there is room for. */
  attentionOmitted: number;
  unseen: Unseen[];
  lastRun: LastTime;
  lastCheck: LastTime;
  counts: Record<State, number>;
  keys: RowTable;
  findings: {
    /** How many there are by rule, also those that are not listed. */
    counts: Record<string, number>;
    rules: Record<string, RuleWords>;
    /** The worst first. */
    listed: FindingRecord[];
    /** What the check could not see. */
    unseen: string[];
  };
  /** The latest first. */
  incidents: IncidentRecord[];
}

export type { FindingRecord, IncidentRecord, Severity };
