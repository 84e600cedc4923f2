/* cppcheck.h: macros of libraries, for cppcheck, which is not shown the libraries' headers. */
#define json_object_foreach(object, key, value) for (key = next_key(object); (value = value_of(key)) != NULL; key = next_key(object))
#define json_array_foreach(array, i, value)     for (i = 0; (value = json_array_get(array, i)) != NULL; i++)
#define json_object_foreach_safe(object, spare, key, value) \
	for (spare = key = next_key(object); (value = value_of(key)) != NULL; key = next_key(object))
