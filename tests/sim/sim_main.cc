// dunlin_sim --seed N [--seeds COUNT] [--devices COUNT] [--verbose]: runs seeds N .. N+COUNT-1 and checks
// each.

#include <charconv>
#include <cstdio>
#include <cstring>
#include <string>

#include "base/log.h"
#include "oracle.h"
#include "world.h"

namespace dunlin::sim {
namespace {

constexpr std::size_t kMaxShown = 20;  // violations of one seed

struct Request {
  WorldOptions world;
  std::uint64_t seeds = 1;
};

std::uint64_t number_of_argument(const char* text) {
  std::uint64_t number = 0;
  std::from_chars(text, text + std::strlen(text), number);
  return number;
}

Result<Request> parse(int count, char** arguments) {
  Request request;
  for (int i = 1; i < count; ++i) {
    const std::string_view name = arguments[i];
    if (name == "--verbose") {
      request.world.talk = WorldOptions::Talk::verbose;
      continue;
    }
    if (i + 1 == count)
      return fail(Errc::invalid_argument, std::string(name) + " needs a number or is not known");
    const std::uint64_t number = number_of_argument(arguments[++i]);
    if (name == "--seed") {
      request.world.seed = number;
    } else if (name == "--seeds") {
      request.seeds = number;
    } else if (name == "--devices") {
      request.world.devices = number;
    } else {
      return fail(Errc::invalid_argument, std::string(name) + " is not known");
    }
  }
  return request;
}

bool run_seed(const WorldOptions& options) {
  World world(options);
  const History history = world.run();
  const std::vector<Violation> violations = check(history);
  if (options.talk == WorldOptions::Talk::verbose) {
    std::size_t sent = 0;
    for (const auto& [name, stream] : history.streams) sent += stream.sent;
    std::printf("seed=%llu messages=%zu digest=%016llx\n", static_cast<unsigned long long>(options.seed),
                sent, static_cast<unsigned long long>(history.digest));
  }
  if (violations.empty()) return true;
  std::printf("seed=%llu FAILED: %s: %s\n", static_cast<unsigned long long>(options.seed),
              violations.front().rule.c_str(), violations.front().details.c_str());
  for (std::size_t i = 1; i < violations.size() && i < kMaxShown; ++i)
    std::printf("    also %s: %s\n", violations[i].rule.c_str(), violations[i].details.c_str());
  std::printf("    repeat with: dunlin_sim --seed %llu --devices %zu --verbose\n",
              static_cast<unsigned long long>(options.seed), options.devices);
  std::fflush(stdout);
  return false;
}

}  // namespace
}  // namespace dunlin::sim

int main(int count, char** arguments) {
  std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
  auto request = dunlin::sim::parse(count, arguments);
  if (!request) {
    std::printf("%s\nusage: dunlin_sim [--seed N] [--seeds COUNT] [--devices COUNT] [--verbose]\n",
                request.error().message.c_str());
    return 2;
  }
  const bool verbose = request->world.talk == dunlin::sim::WorldOptions::Talk::verbose;
  if (!verbose) dunlin::log::set_sink([](std::string_view) {});
  std::uint64_t failed = 0;
  const std::uint64_t first = request->world.seed;
  for (std::uint64_t seed = first; seed < first + request->seeds; ++seed) {
    request->world.seed = seed;
    if (!dunlin::sim::run_seed(request->world)) ++failed;
  }
  std::printf("%llu seeds from %llu, %llu failed\n", static_cast<unsigned long long>(request->seeds),
              static_cast<unsigned long long>(first), static_cast<unsigned long long>(failed));
  return failed == 0 ? 0 : 1;
}
