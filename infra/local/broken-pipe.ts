/** How a shell tells that a program ended because nobody read its output any more. */
const BROKEN_PIPE = 141;

/** Ends the process when whoever reads its output has gone, `head` for example, instead of failing with a stack. */
export function endWithReader(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(BROKEN_PIPE);
    throw error;
  });
}
