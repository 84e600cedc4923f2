#include "orchestrator/orchestrator.h"

int
main(int argc, char **argv)
{
	return service_main(argc, argv, &orchestrator_service);
}
