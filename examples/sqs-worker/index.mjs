/** Works off orders from a queue. What fails is named, so that only that comes again. */
export const handler = async ({ Records }) => {
  const batchItemFailures = [];
  for (const { messageId, body, attributes } of Records) {
    try {
      const { order, euros } = JSON.parse(body);
      if (!(euros > 0)) throw new RangeError(`order ${order} is about ${euros} euros`);
      console.log(`order ${order}: ${euros} euros`);
    } catch (error) {
      console.error(`attempt ${attributes.ApproximateReceiveCount}: ${error.message}`);
      batchItemFailures.push({ itemIdentifier: messageId });
    }
  }
  return { batchItemFailures };
};
