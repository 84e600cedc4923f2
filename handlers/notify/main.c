#include "notify/notify.h"

int
main(int argc, char **argv)
{
	return service_main(argc, argv, &notify_service);
}
