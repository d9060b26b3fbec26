#pragma once

#include "apps/commands.h"
#include "base/fs.h"
#include "edge/config.h"
#include "fleet/series.h"
#include "fleet/site_config.h"

namespace dunlin::apps {

/// Reads and checks the configuration of a gateway. Errors name file and line.
Result<edge::GatewayConfig> read_gateway_config(const ConfigSource& source, Fs& fs);

/// Reads and checks a simulated site; the built-in factory where no file is named.
Result<fleet::SiteConfig> read_site_config(const ConfigSource& source, Fs& fs);

}  // namespace dunlin::apps
