import { runDoctor } from '../../infra/operator/doctor/doctor.ts';
import type { DoctorOptions } from '../../infra/operator/doctor/command.ts';
import type { Deployed } from '../../infra/operator/doctor/deployed.ts';
import type { CheckFinding } from '../../infra/operator/doctor/run.ts';
import type { Ask } from '../../infra/operator/doctor/world.ts';
import type { Manifest } from '../../shared/keys/manifest.ts';
import type { RunContext } from '../../shared/rotation/run.ts';
import { inProcess } from './in-process.ts';
import type { Laboratory } from './laboratory.ts';
import { operatorContext } from './operator.ts';

const nobodyAsked: Ask = (url) => Promise.reject(new Error(`nobody was to ask ${url}`));

/** How this run differs from one of Keyrota's own login, before a deployment. */
export interface Visit {
  manifest?: Manifest;
  settings?: Record<string, string>;
  deployed?: Deployed;
  options?: DoctorOptions;
  /** Hosts that are not there. */
  goneHosts?: readonly string[];
  changes?: Partial<RunContext>;
}

/** What the doctor finds in a laboratory. */
export function diagnosed(lab: Laboratory, visit: Visit = {}): Promise<CheckFinding[]> {
  const { manifest = lab.manifest(), settings = {}, deployed = null, options = {}, goneHosts = [], changes } = visit;
  const context = lab.context(manifest, settings);
  const adapter = inProcess(lab.cloud);
  const http = {
    adapter: (config: { url: string }) =>
      goneHosts.includes(new URL(config.url).hostname)
        ? Promise.reject(
            Object.assign(new Error('getaddrinfo ENOTFOUND'), {
              isAxiosError: true,
              code: 'ENOTFOUND',
              config,
              request: {},
            }),
          )
        : adapter(config),
  };
  const whole = { ...operatorContext(lab, manifest, { ...context, http, ...changes }), ask: nobodyAsked };
  return runDoctor(options, deployed, whole);
}

/** What is not well, each as `check subject: result`. */
export const unwell = (findings: readonly CheckFinding[]): string[] =>
  findings
    .filter(({ result }) => result === 'failed' || result === 'warning')
    .map(({ check, subject, result }) => `${check} ${subject}: ${result}`);

/** The one finding of a check, or the one about a subject. @throws Error where there is none, or are several. */
export function findingOf(findings: readonly CheckFinding[], check: string, subject?: string): CheckFinding {
  const [found, ...more] = findings.filter(
    (one) => one.check === check && (subject === undefined || one.subject === subject),
  );
  if (!found || more.length > 0)
    throw new Error(`${more.length + (found ? 1 : 0)} findings of ${check} ${subject ?? ''}`);
  return found;
}
