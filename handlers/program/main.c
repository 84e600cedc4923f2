#include "program/program.h"

int
main(int argc, char **argv)
{
	return service_main(argc, argv, &program_service);
}
