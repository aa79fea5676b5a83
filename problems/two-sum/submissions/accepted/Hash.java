import java.io.*;
import java.util.*;

public class Hash {
    public static void main(String[] args) throws IOException {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        StringTokenizer first = new StringTokenizer(in.readLine());
        int n = Integer.parseInt(first.nextToken());
        long target = Long.parseLong(first.nextToken());
        StringTokenizer second = new StringTokenizer(in.readLine());
        Map<Long, Integer> seen = new HashMap<>();
        for (int j = 0; j < n; j++) {
            long number = Long.parseLong(second.nextToken());
            Integer i = seen.get(target - number);
            if (i != null) {
                System.out.println(i + " " + j);
                return;
            }
            seen.put(number, j);
        }
    }
}
