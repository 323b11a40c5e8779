import { KeyrotaError } from '../../shared/runtime/errors.ts';

/** Something in the command line, on standard input, in the manifest or the settings is wrong: nothing was tried. */
export class InputError extends KeyrotaError {
  override readonly name = 'InputError';
}
