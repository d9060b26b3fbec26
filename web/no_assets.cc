// Takes the generated table's place in a program built without the dashboard.
#include "web/assets.h"

namespace dunlin::web {

std::span<const Asset> assets() {
  return {};
}

}  // namespace dunlin::web
