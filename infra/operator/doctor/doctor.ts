import * as z from 'zod';
import { withPorts } from '../../../shared/rotation/run.ts';
import { MINUTE_MS } from '../../../shared/keys/duration.ts';
import { EXIT } from '../commands.ts';
import type { ExitCode } from '../commands.ts';
import { demandYes } from '../confirm.ts';
import { withContext } from '../context.ts';
import type { OperatorContext } from '../context.ts';
import { print, printJson } from '../output.ts';
import { withProgress } from '../progress.ts';
import type { DoctorOptions } from './command.ts';
import { deployedByDemo, readDeployed } from './deployed.ts';
import type { Deployed } from './deployed.ts';
import { examine } from './run.ts';
import type { CheckFinding } from './run.ts';
import { countsOf, doctorText } from './text.ts';
import { tryLockLines } from './try-lock.ts';
import { openDoctorWorld } from './world.ts';
import type { Ask } from './world.ts';

/** Ten minutes are more than all checks take. */
const DOCTOR_MS = 10 * MINUTE_MS;

/** `doctor`: whether all is in place. */
export async function doctorCommand(options: DoctorOptions): Promise<ExitCode> {
  const given = options.deployed === undefined ? null : await readDeployed(options.deployed);
  return withContext(options, async (context, demo) => {
    const findings = await runDoctor(options, given ?? (demo && deployedByDemo(demo)), context);
    if (options.json) printJson({ counts: countsOf(findings), findings });
    else print(doctorText(findings));
    return doctorExitCode(findings);
  });
}

export const doctorExitCode = (findings: readonly CheckFinding[]): ExitCode =>
  findings.some(({ result }) => result === 'failed') ? EXIT.failed : EXIT.done;

/** Makes every check. @throws what `demandYes` throws, and what the signal aborts with. */
export async function runDoctor(
  { tryLock: triesLock = false, yes = false }: Pick<DoctorOptions, 'tryLock' | 'yes'>,
  deployed: Deployed | null,
  context: OperatorContext & { ask?: Ask },
): Promise<CheckFinding[]> {
  const { settings, manifest, signal, ask = overNetwork(settings.callTimeoutMs) } = context;
  if (triesLock) await demandYes({ lines: tryLockLines(manifest), yes }, signal);
  const hurried = { ...context, settings: { ...settings, runMs: DOCTOR_MS }, readOnly: true };
  return withProgress({ what: 'looking at all that must be in place', keyCount: null }, hurried, (watched) =>
    withPorts(watched, (ports) =>
      examine(openDoctorWorld({ settings, manifest, deployed, ask }, ports), { triesLock }),
    ),
  );
}

const Coded = z.object({ code: z.string() });

/** Functions are asked over the network, and not by the clients of IBM Cloud: they get no token of ours. */
const overNetwork =
  (timeoutMs: number): Ask =>
  async (url, { signal, ...question }) => {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    const response = await fetch(url, { ...question, redirect: 'manual', signal: limit });
    const text = await response.text();
    const parsed = Coded.safeParse(jsonOf(text));
    return { status: response.status, code: parsed.data?.code ?? null };
  };

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
