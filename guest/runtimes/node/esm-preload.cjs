"use strict";
/**
 * Before what NODE_OPTIONS imports: that is found in layers, too. AWS's Node looks along NODE_PATH by itself. Given to
 * Node with `--require`, because what is required is there before what is imported.
 */
require("./esm-paths.cjs").searchNodePath();
