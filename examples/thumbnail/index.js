// Makes a thumbnail of the image in the event. `sharp` is a real dependency with native code (libvips).
"use strict";

const sharp = require("sharp");

const widthMax = 1024;

/** { image: base64, width?: pixels } → { image: base64 of a JPEG, format, width, height, original } */
exports.handler = async ({ image, width = 160 }) => {
  if (typeof image !== "string") throw new TypeError("image: a base64 string, please");
  if (!(width >= 1 && width <= widthMax)) throw new RangeError(`width: 1 to ${widthMax}`);

  const original = sharp(Buffer.from(image, "base64"));
  const { format, width: originalWidth, height: originalHeight } = await original.metadata();
  const { data, info } = await original
    .rotate() // as the camera was held
    .resize({ width, withoutEnlargement: true })
    .jpeg({ quality: 80 })
    .toBuffer({ resolveWithObject: true });

  console.log(
    `${format} ${originalWidth}x${originalHeight} -> jpeg ${info.width}x${info.height}, ${data.length} bytes`,
  );
  return {
    image: data.toString("base64"),
    format: info.format,
    width: info.width,
    height: info.height,
    original: { format, width: originalWidth, height: originalHeight },
  };
};
