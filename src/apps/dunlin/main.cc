#include "apps/program.h"

int main(int argc, char** argv) {
  return dunlin::apps::run(argc, argv);
}
