#include "apps/commands.h"
namespace dunlin::apps {
int run_up(const UpCommand&) { return 1; }
int run_gateway(const GatewayCommand&) { return 1; }
int run_sim(const SimCommand&) { return 1; }
}
