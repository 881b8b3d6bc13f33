/** Runs by the clock: a schedule sends what it was told to send, with the time that was planned. */
export const handler = async ({ report, planned }) => {
  console.log(`${report}, planned for ${planned}`);
};
