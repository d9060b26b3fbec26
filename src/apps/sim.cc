#include <cstdio>

#include "apps/configuration.h"
#include "apps/role_configs.h"
#include "apps/signals.h"
#include "apps/site_process.h"

namespace dunlin::apps {

Result<fleet::SiteConfig> read_site_config(const ConfigSource& source, Fs& fs) {
  DUNLIN_TRY(config::Schema::Source from, read_source(source, fs));
  if (source.file.empty()) {
    from.file_name = "the built-in factory";
    from.file_text = fleet::factory_toml();
  }
  return fleet::load_site(from);
}

int run_sim(const SimCommand& command) {
  keep_end_signals();
  const auto fs = make_system_fs();
  const auto config = read_site_config({command.site_file, {}, command.settings}, *fs);
  if (!config) return report(config.error());
  auto site = SiteProcess::start(*config, fleet::file_credentials(config->connect, *fs));
  if (!site) return report(site.error());
  std::printf("ready %zu devices\n", (*site)->device_count());
  std::fflush(stdout);
  return wait_for_end();
}

}  // namespace dunlin::apps
